#include <cmath>

#include "ops/layer_norm/layer_norm_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

namespace tessera {

void LayerNorm::run_ref(Inputs in, Outputs out) const {
  const std::int64_t dim = in[0].logical_shape()[-1];
  const float* weight = data_or_null<float>(in[1]);
  const float* bias = data_or_null<float>(in[2]);
  parallel_for(in[0].logical_shape().rows(), row_grain(dim), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const float* x = in[0].data<float>() + r * dim;
      float* y = out[0].data<float>() + r * dim;
      double sum = 0, squares = 0;
      for (std::int64_t i = 0; i < dim; ++i) sum += x[i];
      const double mean = sum / static_cast<double>(dim);
      for (std::int64_t i = 0; i < dim; ++i) squares += (x[i] - mean) * (x[i] - mean);
      const double scale = 1.0 / std::sqrt(squares / static_cast<double>(dim) + epsilon);
      for (std::int64_t i = 0; i < dim; ++i) {
        const auto v = static_cast<float>((x[i] - mean) * scale);
        y[i] = v * (weight != nullptr ? weight[i] : 1.0f) + (bias != nullptr ? bias[i] : 0.0f);
      }
    }
  });
}

}  // namespace tessera
