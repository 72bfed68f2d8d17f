#include <cmath>

#include "ops/rms_norm/rms_norm_distributed_op.hpp"
#include "util/parallel.hpp"

namespace tessera {

void RmsNormPreAllGather::run_ref(Inputs in, Outputs out) const {
  const std::int64_t dim = in[0].logical_shape()[-1];
  parallel_for(in[0].logical_shape().rows(), 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const float* x = in[0].data<float>() + r * dim;
      double sum = 0;
      for (std::int64_t i = 0; i < dim; ++i) sum += static_cast<double>(x[i]) * x[i];
      out[0].data<float>()[r] = static_cast<float>(sum);
    }
  });
}

void RmsNormPostAllGather::run_ref(Inputs in, Outputs out) const {
  const std::int64_t dim = in[0].logical_shape()[-1], chips = in[1].logical_shape()[-1];
  const double all = static_cast<double>(channels(in));
  const float* weight = in[2].is_allocated() ? in[2].data<float>() : nullptr;
  const float* bias = in[3].is_allocated() ? in[3].data<float>() : nullptr;
  parallel_for(in[0].logical_shape().rows(), 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const float* x = in[0].data<float>() + r * dim;
      const float* stats = in[1].data<float>() + r * chips;
      float* y = out[0].data<float>() + r * dim;
      double sum = 0;
      for (std::int64_t c = 0; c < chips; ++c) sum += stats[c];
      const float scale = static_cast<float>(1.0 / std::sqrt(sum / all + epsilon));
      for (std::int64_t i = 0; i < dim; ++i) {
        y[i] = x[i] * scale * (weight != nullptr ? weight[i] : 1.0f) + (bias != nullptr ? bias[i] : 0.0f);
      }
    }
  });
}

}  // namespace tessera
