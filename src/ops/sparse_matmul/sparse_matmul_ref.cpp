#include <algorithm>

#include "ops/sparse_matmul/sparse_matmul_op.hpp"
#include "util/parallel.hpp"

namespace tessera {

void SparseMatmul::run_ref(Inputs in, Outputs out) const {
  const PickedRows rows = picked_rows(in);
  parallel_for(rows.pairs, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const float* x = in[0].data<float>() + rows.input_row(p) * rows.inner;
      const float* w = in[2 + static_cast<std::size_t>(rows.picks[p])].data<float>();
      float* y = out[0].data<float>() + p * rows.cols;
      std::fill_n(y, rows.cols, 0.0f);
      for (std::int64_t i = 0; i < rows.inner; ++i) {
        for (std::int64_t c = 0; c < rows.cols; ++c) y[c] += x[i] * w[i * rows.cols + c];
      }
    }
  });
}

}  // namespace tessera
