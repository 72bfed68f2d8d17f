#include <algorithm>
#include <array>

#include "ops/exact_matmul.hpp"
#include "ops/matmul/matmul_op.hpp"
#include "tensor/tile.hpp"

namespace tessera {

// One product after another, each as linear computes it with activations on both sides.
void Matmul::run_exact(Inputs in, Outputs out) const {
  const MatmulShape s = matmul_shape(*this, in);
  const auto config = matmul_config(options, in[0].dtype(), in[1].dtype(), out[0].dtype(), s.k);
  // Rows as they lie in memory: of the transposed matrix where the operand is transposed.
  const auto load_all = [&](const Tensor& tensor, std::int64_t first, std::int64_t rows,
                            std::int64_t columns) {
    Words words(static_cast<std::size_t>(rows * columns));
    for (std::int64_t r = 0; r < rows; ++r) {
      load_source_row(
          tensor, first + r, config.fp32_dest,
          std::span(words).subspan(static_cast<std::size_t>(r * columns), static_cast<std::size_t>(columns)));
    }
    return words;
  };
  for (std::int64_t i = 0; i < s.count; ++i) {
    const std::int64_t a_rows = transpose_a ? s.k : s.m, b_rows = transpose_b ? s.n : s.k;
    const Words a = load_all(in[0], i * a_rows, a_rows, transpose_a ? s.m : s.k);
    const Words b = load_all(in[1], s.one_b ? 0 : i * b_rows, b_rows, transpose_b ? s.k : s.n);
    const auto a_at = [&](std::int64_t m, std::int64_t k) {
      return a[static_cast<std::size_t>(transpose_a ? k * s.m + m : m * s.k + k)];
    };
    const auto b_at = [&](std::int64_t k, std::int64_t n) {
      return b[static_cast<std::size_t>(transpose_b ? n * s.k + k : k * s.n + n)];
    };
    multiply_exact(
        config, s.m, s.n,
        [&](std::int64_t row, std::span<std::uint32_t> words) {
          std::ranges::fill(words, 0u);
          for (std::int64_t k = 0; k < s.k; ++k) words[static_cast<std::size_t>(k)] = a_at(row, k);
        },
        [&](std::int64_t k_tile, std::int64_t column, wormhole::WeightOperand& operand) {
          wormhole::Tile tile;
          for (std::int64_t r = 0; r < kTileSize; ++r) {
            for (std::int64_t c = 0; c < kTileSize; ++c) {
              const std::int64_t k = k_tile * kTileSize + r, n = column * kTileSize + c;
              tile[index_in_tile(r, c)] = k < s.k && n < s.n ? b_at(k, n) : 0;
            }
          }
          wormhole::prepare_weights(config.dest(), tile, operand);
        },
        {},
        [&](std::int64_t row, std::int64_t first, std::span<const std::uint32_t> dest) {
          store_row(config.dest(), dest, out[0], i * s.m + row, first);
        });
  }
}

}  // namespace tessera
