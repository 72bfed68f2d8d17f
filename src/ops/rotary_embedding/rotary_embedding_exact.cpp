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
  const auto product = [&](std::uint32_t a, std::uint32_t b) {
    return kernel.pass(kernel.binary(wormhole::EltwiseOp::Multiply, a, b));
  };
  parallel_for(shape.rows(), 1, [&](std::int64_t begin, std::int64_t end) {
    Words x(dim), cos(dim), sin(dim), y(dim);
    for (std::int64_t row = begin; row < end; ++row) {
      load_source_row(in[0], row, config.fp32_dest_acc_en, x);
      load_source_row(in[1], table_row(row, shape[2]), config.fp32_dest_acc_en, cos);
      load_source_row(in[2], table_row(row, shape[2]), config.fp32_dest_acc_en, sin);
      for (std::size_t i = 0; i < dim / 2; ++i) {
        const std::size_t a = pairs ? 2 * i : i, b = pairs ? 2 * i + 1 : i + dim / 2;
        y[a] = kernel.binary(wormhole::EltwiseOp::Add, product(x[a], cos[a]),
                             product(x[b] ^ 0x80000000u, sin[a]));
        y[b] = kernel.binary(wormhole::EltwiseOp::Add, product(x[b], cos[b]), product(x[a], sin[b]));
      }
      store_row(kernel.dest(), y, out[0], row);
    }
  });
}

}  // namespace tessera
