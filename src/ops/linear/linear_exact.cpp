// linear as TT-NN's matmul kernel computes it on Wormhole: activations in SrcB, weights in SrcA, K in blocks.
#include <algorithm>
#include <array>

#include "ops/exact_activation.hpp"
#include "ops/exact_matmul.hpp"
#include "ops/exact_weights.hpp"
#include "ops/linear/linear_op.hpp"

namespace tessera {

void Linear::run_exact(Inputs in, Outputs out) const {
  const Tensor &x = in[0], &weight = in[1];
  const std::int64_t k = weight.logical_shape()[-2], n = weight.logical_shape()[-1];
  auto config = matmul_config(options, x.dtype(), weight.dtype(), out[0].dtype(), k);
  config.bias = in[2].is_allocated();
  Words bias(config.bias ? static_cast<std::size_t>(n) : 0);
  if (config.bias) load_source_row(in[2].view(Shape{1, n}), 0, config.fp32_dest, bias);
  const wormhole::RowKernel kernel({config.fidelity, false, config.fp32_dest, config.fp32_dest});
  multiply_exact(
      config, x.logical_shape().rows(), n,
      [&](std::int64_t row, std::span<std::uint32_t> words) {
        load_source_row(x, row, config.fp32_dest, words);
      },
      [&](std::int64_t k_tile, std::int64_t column, wormhole::WeightOperand& operand) {
        load_weights(weight, k_tile, column, config.fp32_dest, operand);
      },
      bias,
      [&](std::int64_t row, std::int64_t first, std::span<const std::uint32_t> dest) {
        std::array<std::uint32_t, 32> words;
        std::ranges::copy(dest, words.begin());
        for (std::size_t i = 0; i < dest.size(); ++i) words[i] = activated(kernel, activation, words[i]);
        store_row(config.dest(), std::span(words).first(dest.size()), out[0], row, first);
      });
}

}  // namespace tessera
