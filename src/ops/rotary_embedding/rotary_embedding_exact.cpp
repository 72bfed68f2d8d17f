// x * cos + rotated(x) * sin on the matrix engine: two products and a sum, each packed. The rotation (a
// matmul with a matrix of 0 and +-1, or a move of halves) is exact in every source format.
#include "ops/exact_norm.hpp"
#include "ops/rotary_embedding/rotary_embedding_op.hpp"
#include "util/parallel.hpp"

namespace tessera {

void RotaryEmbedding::run_exact(Inputs in, Outputs out) const {
  const Shape& shape = in[0].logical_shape();
  const auto dim = static_cast<std::size_t>(shape[3]);
  const bool wide = in[0].dtype() == DataType::FLOAT32;
  const ComputeKernelConfig config = kernel_config(options, {MathFidelity::HiFi4, false, wide, false});
  const wormhole::RowKernel kernel(row_config(config));
  parallel_for(shape.rows(), 1, [&](std::int64_t begin, std::int64_t end) {
    Words x(dim), cos(dim), sin(dim), y(dim);
    for (std::int64_t row = begin; row < end; ++row) {
      load_source_row(in[0], row, config.fp32_dest_acc_en, x);
      load_source_row(in[1], table_row(row, shape[2]), config.fp32_dest_acc_en, cos);
      load_source_row(in[2], table_row(row, shape[2]), config.fp32_dest_acc_en, sin);
      for (std::size_t i = 0; i < dim / 2; ++i) {
        const std::size_t a = pairs ? 2 * i : i, b = pairs ? 2 * i + 1 : i + dim / 2;
        y[a] = x[b] ^ 0x80000000u;
        y[b] = x[a];
      }
      kernel.binary(wormhole::EltwiseOp::Multiply, x, cos, x);
      kernel.binary(wormhole::EltwiseOp::Multiply, y, sin, y);
      kernel.pass(x);
      kernel.pass(y);
      kernel.binary(wormhole::EltwiseOp::Add, x, y, y);
      store_row(kernel.dest(), y, out[0], row);
    }
  });
}

}  // namespace tessera
