#include <algorithm>
#include <numeric>
#include <vector>

#include "ops/rows.hpp"
#include "ops/topk/topk_op.hpp"
#include "util/parallel.hpp"

namespace tessera {

void Topk::run_ref(Inputs in, Outputs out) const {
  const std::int64_t n = in[0].logical_shape()[-1];
  parallel_for(in[0].logical_shape().rows(), row_grain(n), [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(n));
    for (std::int64_t r = begin; r < end; ++r) {
      const float* x = in[0].data<float>() + r * n;
      std::iota(order.begin(), order.end(), 0);
      // Larger first, NaN last, of equals the smaller index.
      std::partial_sort(order.begin(), order.begin() + k, order.end(), [&](std::int32_t a, std::int32_t b) {
        const bool a_nan = x[a] != x[a], b_nan = x[b] != x[b];
        if (a_nan != b_nan) return b_nan;
        if (!a_nan && x[a] != x[b]) return x[a] > x[b];
        return a < b;
      });
      for (std::int64_t i = 0; i < k; ++i) {
        out[0].data<float>()[r * k + i] = x[order[static_cast<std::size_t>(i)]];
        out[1].data<std::int32_t>()[r * k + i] = order[static_cast<std::size_t>(i)];
      }
    }
  });
}

}  // namespace tessera
