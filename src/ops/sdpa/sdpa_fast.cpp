// Attention by blocks of 64 keys with a running maximum and sum (Milakov and Gimelshein 2018; Dao et al.
// 2022). The query heads of a group, and in prefill a block of queries, share one pass over K and V.
//
// A query's arithmetic depends on its keys alone: blocks start at multiples of 64, keys beyond its last are
// never read and count as -inf, sums run in the order of positions. So prefill, decode, chunked and paged
// agree to the bit.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "ops/rows.hpp"
#include "ops/sdpa/sdpa_op.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/sdpa/sdpa_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/bfp8_row-inl.hpp"
#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

constexpr std::int64_t kKeys = 64;  // a block: 16 KiB of float32 keys at head_dim 64
constexpr float kMinusInf = -std::numeric_limits<float>::infinity();

// One row of a cache, in whatever form, as float32.
void load_row(const Tensor& cache, std::int64_t row, std::size_t dim, float* out) {
  if (cache.form() == Form::RowsBfp8) {
    bfp8_row_to_f32(cache.data<const std::uint8_t>() + row * bfp8_row_bytes(static_cast<std::int64_t>(dim)),
                    dim, out);
    return;
  }
  with_rows(cache, [&](const auto* rows) {
    for_lanes(dim, [&](auto d, std::size_t i) {
      hn::StoreU(load_f32(d, rows + static_cast<std::size_t>(row) * dim + i), d, out + i);
    });
  });
}

// The state of one query over the blocks seen so far.
struct Query {
  const float* q;  // [dim], scaled
  float* sum;      // [dim]: the weighted sum of values, to be divided by weight
  float largest;
  float weight;
  std::int64_t visible;
  const float* mask;  // [keys] or nullptr
};

void attend_block(Query& query, const float* keys, const float* values, std::int64_t first, std::size_t dim) {
  const std::int64_t n = std::min(kKeys, query.visible - first);
  if (n <= 0) return;
  HWY_ALIGN float scores[kKeys];
  float largest = query.largest;
  for (std::int64_t j = 0; j < n; ++j) {
    const float* key = keys + static_cast<std::size_t>(j) * dim;
    float score = sum_lanes(dim, [&](auto d, std::size_t i) {
      return hn::Mul(hn::LoadU(d, query.q + i), hn::LoadU(d, key + i));
    });
    if (query.mask != nullptr) score += query.mask[first + j];
    scores[j] = score;
    // A NaN wins and stays: it must not end as the zeros of a row without keys.
    if (!(score <= largest) && !std::isnan(largest)) largest = score;
  }
  if (largest == kMinusInf) return;
  std::fill(scores + n, scores + kKeys, kMinusInf);
  const hn::ScalableTag<float> d;
  auto weights = hn::Zero(d);
  for (std::size_t i = 0; i < static_cast<std::size_t>(kKeys); i += hn::Lanes(d)) {
    const auto p = exp_f32(d, hn::Sub(hn::Load(d, scores + i), hn::Set(d, largest)));
    hn::Store(p, d, scores + i);
    weights = hn::Add(weights, p);
  }
  // exp(-inf - largest) = 0: nothing to keep from before the first visible key.
  const hn::CappedTag<float, 1> one;
  const float shrink = hn::GetLane(exp_f32(one, hn::Set(one, query.largest - largest)));
  query.weight = query.weight * shrink + hn::GetLane(hn::SumOfLanes(d, weights));
  query.largest = largest;
  for_lanes(dim, [&](auto dv, std::size_t i) {
    auto sum = hn::Mul(hn::LoadU(dv, query.sum + i), hn::Set(dv, shrink));
    for (std::int64_t j = 0; j < n; ++j) {
      sum = hn::MulAdd(hn::Set(dv, scores[j]), hn::LoadU(dv, values + static_cast<std::size_t>(j) * dim + i),
                       sum);
    }
    hn::StoreU(sum, dv, query.sum + i);
  });
}

struct Buffers {
  std::vector<float> keys, values, q, sums;
  std::vector<Query> queries;
};

Buffers& buffers(std::size_t dim, std::size_t queries) {
  static thread_local Buffers b;
  b.keys.resize(std::max(b.keys.size(), kKeys * dim));
  b.values.resize(std::max(b.values.size(), kKeys * dim));
  b.q.resize(std::max(b.q.size(), queries * dim));
  b.sums.resize(std::max(b.sums.size(), queries * dim));
  b.queries.resize(std::max(b.queries.size(), queries));
  return b;
}

// Queries [first, last) of one user against one KV head, for every query head of the group.
void attend(const SdpaShape& s, Inputs in, const float* mask, Tensor& out, std::int64_t user,
            std::int64_t kv_head, std::int64_t first, std::int64_t last) {
  const auto dim = static_cast<std::size_t>(s.head_dim);
  const std::int64_t group = s.group();
  const auto count = static_cast<std::size_t>((last - first) * group);
  Buffers& b = buffers(dim, count);
  std::fill_n(b.sums.begin(), count * dim, 0.0f);
  std::int64_t most = 0;
  const auto head_of = [&](std::size_t n) { return kv_head * group + static_cast<std::int64_t>(n) % group; };
  const auto query_of = [&](std::size_t n) { return first + static_cast<std::int64_t>(n) / group; };
  for (std::size_t n = 0; n < count; ++n) {
    const std::int64_t i = query_of(n);
    float* q = b.q.data() + n * dim;
    with_rows(in[0], [&](const auto* rows) {
      const auto* row = rows + s.q_row(user, head_of(n), i) * s.head_dim;
      for_lanes(dim, [&](auto d, std::size_t c) {
        hn::StoreU(hn::Mul(load_f32(d, row + c), hn::Set(d, s.scale)), d, q + c);
      });
    });
    const std::int64_t visible = s.visible(user, i);
    b.queries[n] = {
        q, b.sums.data() + n * dim, kMinusInf, 0.0f, visible, mask == nullptr ? nullptr : mask + i * s.keys};
    most = std::max(most, visible);
  }
  for (std::int64_t block = 0; block < most; block += kKeys) {
    for (std::int64_t j = 0; j < std::min(kKeys, most - block); ++j) {
      const std::int64_t row = s.kv_row(user, kv_head, block + j);
      load_row(in[1], row, dim, b.keys.data() + static_cast<std::size_t>(j) * dim);
      load_row(in[2], row, dim, b.values.data() + static_cast<std::size_t>(j) * dim);
    }
    for (std::size_t n = 0; n < count; ++n)
      attend_block(b.queries[n], b.keys.data(), b.values.data(), block, dim);
  }
  with_rows(out, [&](auto* rows) {
    for (std::size_t n = 0; n < count; ++n) {
      auto* y = rows + s.q_row(user, head_of(n), query_of(n)) * s.head_dim;
      const float inverse = b.queries[n].weight > 0 ? 1.0f / b.queries[n].weight : 0.0f;
      for_lanes(dim, [&](auto d, std::size_t c) {
        store_f32(hn::Mul(hn::LoadU(d, b.queries[n].sum + c), hn::Set(d, inverse)), d, y + c);
      });
    }
  });
}

// Items [begin, end) of users x KV heads x blocks of queries.
void attend_items(const SdpaShape& s, Inputs in, const float* mask, Tensor& out, std::int64_t begin,
                  std::int64_t end) {
  for (std::int64_t item = begin; item < end; ++item) {
    const std::int64_t heads = s.users * s.kv_heads;
    const std::int64_t first = item / heads * kSdpaQueryBlock;
    const std::int64_t rest = item % heads;
    attend(s, in, mask, out, rest / s.kv_heads, rest % s.kv_heads, first,
           std::min(first + kSdpaQueryBlock, s.queries));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera {
HWY_EXPORT(attend_items);

void Sdpa::run_fast(Inputs in, Outputs out) const {
  const SdpaShape s = sdpa_shape(*this, in);
  std::vector<float> mask;
  if (kind == Kind::Prefill && in[3].is_allocated()) mask = in[3].to_vector();
  const float* mask_data = mask.empty() ? nullptr : mask.data();
  const std::int64_t blocks = (s.queries + kSdpaQueryBlock - 1) / kSdpaQueryBlock;
  const std::int64_t items = blocks * s.users * s.kv_heads;
  // Later queries see more keys: threads take turns, so that none has all the long ones.
  const std::int64_t threads = std::min<std::int64_t>(num_threads(), items);
  parallel_for(threads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      for (std::int64_t item = t; item < items; item += threads) {
        HWY_DYNAMIC_DISPATCH(attend_items)(s, in, mask_data, out[0], item, item + 1);
      }
    }
  });
}

}  // namespace tessera
#endif
