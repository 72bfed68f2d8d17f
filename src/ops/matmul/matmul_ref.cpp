#include "ops/matmul/matmul_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

namespace tessera {

void Matmul::run_ref(Inputs in, Outputs out) const {
  const MatmulShape s = matmul_shape(*this, in);
  parallel_for(s.count * s.m, row_grain(s.n * s.k), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t batch = row / s.m, i = row % s.m;
      const float* a = in[0].data<float>() + batch * s.m * s.k;
      const float* b = in[1].data<float>() + (s.one_b ? 0 : batch * s.k * s.n);
      for (std::int64_t j = 0; j < s.n; ++j) {
        float sum = 0;
        for (std::int64_t c = 0; c < s.k; ++c) {
          sum += a[transpose_a ? c * s.m + i : i * s.k + c] * b[transpose_b ? j * s.k + c : c * s.n + j];
        }
        out[0].data<float>()[row * s.n + j] = sum;
      }
    }
  });
}

}  // namespace tessera
