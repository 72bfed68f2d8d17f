#include <cmath>

#include "ops/rms_norm/rms_norm_op.hpp"
#include "util/parallel.hpp"

namespace tessera {

void RmsNorm::run_ref(Inputs in, Outputs out) const {
  const std::int64_t dim = in[0].logical_shape()[-1];
  const float* weight = in[1].is_allocated() ? in[1].data<float>() : nullptr;
  const float* bias = in[2].is_allocated() ? in[2].data<float>() : nullptr;
  parallel_for(in[0].logical_shape().rows(), 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const float* x = in[0].data<float>() + r * dim;
      float* y = out[0].data<float>() + r * dim;
      double sum = 0;
      for (std::int64_t i = 0; i < dim; ++i) sum += static_cast<double>(x[i]) * x[i];
      const float scale = static_cast<float>(1.0 / std::sqrt(sum / static_cast<double>(dim) + epsilon));
      for (std::int64_t i = 0; i < dim; ++i) {
        y[i] = x[i] * scale * (weight != nullptr ? weight[i] : 1.0f) + (bias != nullptr ? bias[i] : 0.0f);
      }
    }
  });
}

}  // namespace tessera
