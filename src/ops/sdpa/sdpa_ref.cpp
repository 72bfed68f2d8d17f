// Attention as it is written on paper: all scores of a query, softmax over them, the weighted sum.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "ops/sdpa/sdpa_op.hpp"
#include "util/parallel.hpp"

namespace tessera {
namespace {

struct RefAttention {
  const SdpaShape& s;
  const float *q, *k, *v, *mask;
  float* out;

  void query(std::int64_t u, std::int64_t head, std::int64_t i, std::vector<float>& scores) const {
    const std::int64_t dim = s.head_dim;
    const std::int64_t kv_head = head / s.group();
    const std::int64_t first = s.first_visible(u, i), visible = s.visible(u, i);
    const float* query = q + s.q_row(u, head, i) * dim;
    float* y = out + s.q_row(u, head, i) * dim;
    std::fill_n(y, dim, 0.0f);
    float largest = -std::numeric_limits<float>::infinity();
    for (std::int64_t j = first; j < visible; ++j) {
      const float* key = k + s.kv_row(u, kv_head, j) * dim;
      float dot = 0;
      for (std::int64_t c = 0; c < dim; ++c) dot += query[c] * key[c];
      float& score = scores[static_cast<std::size_t>(j)];
      score = dot * s.scale;
      if (s.softcap > 0) score = s.softcap * std::tanh(score / s.softcap);
      if (mask != nullptr) score += mask[i * s.keys + j];
      if (s.alibi_slopes != nullptr) score += alibi_bias(s.alibi_slope(head), j, visible);
      // A NaN wins and stays: it must not end as the zeros of a row without keys.
      if (!(score <= largest) && !std::isnan(largest)) largest = score;
    }
    // No key: a skipped user, or a row that the mask hides entirely.
    if (std::isinf(largest) && largest < 0) return;
    double sum = 0;
    for (std::int64_t j = first; j < visible; ++j) {
      float& score = scores[static_cast<std::size_t>(j)];
      score = std::exp(score - largest);
      sum += score;
    }
    for (std::int64_t j = first; j < visible; ++j) {
      const float weight = static_cast<float>(scores[static_cast<std::size_t>(j)] / sum);
      const float* value = v + s.kv_row(u, kv_head, j) * dim;
      for (std::int64_t c = 0; c < dim; ++c) y[c] += weight * value[c];
    }
  }
};

}  // namespace

void Sdpa::run_ref(Inputs in, Outputs out) const {
  const SdpaShape s = sdpa_shape(*this, in);
  const float* mask = kind == Kind::Prefill && in[3].is_allocated() ? in[3].data<float>() : nullptr;
  const RefAttention attention{s,    in[0].data<float>(), in[1].data<float>(), in[2].data<float>(),
                               mask, out[0].data<float>()};
  parallel_for(s.users * s.heads * s.queries, 4, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> scores(static_cast<std::size_t>(s.keys));
    // Queries outermost: their costs grow with the position, so heads are what a thread gets a share of.
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t i = item / (s.users * s.heads);
      const std::int64_t rest = item % (s.users * s.heads);
      attention.query(rest / s.heads, rest % s.heads, i, scores);
    }
  });
}

}  // namespace tessera
