#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/rows.hpp"
#include "ops/softmax/softmax_op.hpp"
#include "util/parallel.hpp"

namespace tessera {

void Softmax::run_ref(Inputs in, Outputs out) const {
  const std::int64_t n = in[0].logical_shape()[-1];
  parallel_for(in[0].logical_shape().rows(), row_grain(n), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const float* x = in[0].data<float>() + r * n;
      float* y = out[0].data<float>() + r * n;
      constexpr float kMinusInf = -std::numeric_limits<float>::infinity();
      if (std::all_of(x, x + n, [](float v) { return v == kMinusInf; })) {
        std::fill_n(y, n, 0.0f);
        continue;
      }
      float largest = kMinusInf;
      for (std::int64_t i = 0; i < n; ++i) largest = std::max(largest, x[i]);
      double sum = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        y[i] = std::exp(x[i] - largest);
        sum += y[i];
      }
      for (std::int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(y[i] / sum);
    }
  });
}

}  // namespace tessera
