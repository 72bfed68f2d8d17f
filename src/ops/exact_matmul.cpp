#include "ops/exact_matmul.hpp"

#include <algorithm>

#include "tensor/tile.hpp"
#include "util/error.hpp"
#include "util/parallel.hpp"

namespace tessera {
namespace {

std::int64_t largest_divisor(std::int64_t n, std::int64_t most) {
  for (std::int64_t d = std::min(n, most); d > 1; --d) {
    if (n % d == 0) return d;
  }
  return 1;
}

std::int64_t tiles(std::int64_t n) {
  return (n + kTileSize - 1) / kTileSize;
}

// in0 taken apart: [row block][k tile].
std::vector<wormhole::ActivationOperand> take_apart(
    std::int64_t rows, std::int64_t k_tiles,
    const std::function<void(std::int64_t, std::span<std::uint32_t>)>& load_row) {
  std::vector<wormhole::ActivationOperand> operands(static_cast<std::size_t>(tiles(rows) * k_tiles));
  parallel_for(tiles(rows), 1, [&](std::int64_t begin, std::int64_t end) {
    const auto width = static_cast<std::size_t>(k_tiles * kTileSize);
    Words words(width * kTileSize);
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t count = std::min(kTileSize, rows - block * kTileSize);
      for (std::int64_t r = 0; r < count; ++r) {
        load_row(block * kTileSize + r, std::span(words).subspan(static_cast<std::size_t>(r) * width, width));
      }
      wormhole::Tile tile;
      for (std::int64_t k = 0; k < k_tiles; ++k) {
        for (std::int64_t r = 0; r < count; ++r) {
          const std::uint32_t* from = words.data() + r * static_cast<std::int64_t>(width) + k * kTileSize;
          std::copy_n(from, 16, tile.data() + index_in_tile(r, 0));
          std::copy_n(from + 16, 16, tile.data() + index_in_tile(r, 16));
        }
        wormhole::prepare_activations(tile, static_cast<int>(count),
                                      operands[static_cast<std::size_t>(block * k_tiles + k)]);
      }
    }
  });
  return operands;
}

}  // namespace

wormhole::MatmulConfig matmul_config(const OpOptions& options, DataType in0, DataType in1, DataType output,
                                     std::int64_t k) {
  ComputeKernelConfig standard;
  standard.math_fidelity = MathFidelity::HiFi2;
  if (is_block_float(in0) && is_block_float(in1)) standard.math_fidelity = MathFidelity::LoFi;
  if (in0 == DataType::FLOAT32 && in1 == DataType::FLOAT32) standard.math_fidelity = MathFidelity::HiFi3;
  standard.fp32_dest_acc_en = output == DataType::FLOAT32;
  standard.packer_l1_acc = output != DataType::FLOAT32;
  const ComputeKernelConfig chosen = kernel_config(options, standard);
  check(chosen.fp32_dest_acc_en || in0 != DataType::FLOAT32 || in1 != DataType::FLOAT32 ||
            output != DataType::FLOAT32,
        "[matmul] float32 operands and output with fp32_dest_acc_en off: the card falls back to 5-bit "
        "exponents: switch it on");
  wormhole::MatmulConfig config;
  config.fidelity = chosen.math_fidelity;
  config.fp32_dest = chosen.fp32_dest_acc_en;
  config.packer_l1_acc = chosen.packer_l1_acc;
  config.k_tiles = tiles(k);
  config.block_tiles = options.in0_block_w.value_or(largest_divisor(config.k_tiles, 8));
  check(config.block_tiles >= 1 && config.k_tiles % config.block_tiles == 0,
        "[matmul] in0_block_w {}: K has {} tiles: give a divisor", config.block_tiles, config.k_tiles);
  return config;
}

void multiply_exact(const wormhole::MatmulConfig& config, std::int64_t rows, std::int64_t n,
                    const std::function<void(std::int64_t, std::span<std::uint32_t>)>& load_row,
                    const LoadWeights& load_weights, std::span<const std::uint32_t> bias,
                    const StoreRow& store) {
  const auto operands = take_apart(rows, config.k_tiles, load_row);
  const std::int64_t row_blocks = tiles(rows);
  parallel_for(tiles(n), 1, [&](std::int64_t begin, std::int64_t end) {
    wormhole::WeightOperand weights;
    for (std::int64_t column = begin; column < end; ++column) {
      std::vector<wormhole::BlockedMatmul> sums;
      sums.reserve(static_cast<std::size_t>(row_blocks));
      for (std::int64_t b = 0; b < row_blocks; ++b) {
        sums.emplace_back(config, static_cast<int>(std::min(kTileSize, rows - b * kTileSize)));
      }
      for (std::int64_t k = 0; k < config.k_tiles; ++k) {
        load_weights(k, column, weights);
        for (std::int64_t b = 0; b < row_blocks; ++b) {
          sums[static_cast<std::size_t>(b)].multiply(
              operands[static_cast<std::size_t>(b * config.k_tiles + k)], weights);
        }
      }
      const std::int64_t first = column * kTileSize;
      const auto width = static_cast<std::size_t>(std::min(kTileSize, n - first));
      std::array<std::uint32_t, 32> offsets{};
      if (!bias.empty())
        std::ranges::copy(bias.subspan(static_cast<std::size_t>(first), width), offsets.begin());
      for (std::int64_t b = 0; b < row_blocks; ++b) {
        const auto& dest = sums[static_cast<std::size_t>(b)].finish(offsets);
        for (std::int64_t r = 0; r < std::min(kTileSize, rows - b * kTileSize); ++r) {
          store(b * kTileSize + r, first, std::span(dest).subspan(static_cast<std::size_t>(r) * 32, width));
        }
      }
    }
  });
}

}  // namespace tessera
