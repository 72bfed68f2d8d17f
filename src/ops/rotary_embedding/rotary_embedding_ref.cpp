#include "ops/rotary_embedding/rotary_embedding_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

namespace tessera {

void RotaryEmbedding::run_ref(Inputs in, Outputs out) const {
  const Shape& shape = in[0].logical_shape();
  const std::int64_t dim = shape[3];
  parallel_for(shape.rows(), row_grain(dim), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const float* x = in[0].data<float>() + r * dim;
      const float* cos = in[1].data<float>() + table_row(r, shape[2]) * dim;
      const float* sin = in[2].data<float>() + table_row(r, shape[2]) * dim;
      float* y = out[0].data<float>() + r * dim;
      for (std::int64_t i = 0; i < dim / 2; ++i) {
        const std::int64_t a = pairs ? 2 * i : i;
        const std::int64_t b = pairs ? 2 * i + 1 : i + dim / 2;
        y[a] = x[a] * cos[a] - x[b] * sin[a];
        y[b] = x[b] * cos[b] + x[a] * sin[b];
      }
    }
  });
}

}  // namespace tessera
