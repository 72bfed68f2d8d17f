#pragma once
#include <cstddef>
#include <cstdint>

#include "device/block_strips.hpp"
#include "device/tensor.hpp"

namespace tessera {

/// Blocks of K that a panel of decoded weights has: 16 KiB, half of the smallest L1 data cache that matters.
constexpr std::int64_t kPanelBlocks = 8;

/// Rows of activations in block fixed point, by panels of 8 blocks: codes [panels][rows][8][32], scales
/// [panels][rows][8]. What a panel of weights meets lies together: with rows one behind the other, those of a
/// K of 2048 fell into the same few sets of a cache.
struct FixedRows {
  const std::int16_t* codes = nullptr;
  const float* scales = nullptr;
  std::int64_t blocks = 0;
  std::int64_t rows = 0;  // of the buffer; a view may have fewer

  std::int64_t panels() const { return (blocks + kPanelBlocks - 1) / kPanelBlocks; }
  /// Where a block of a row is, in blocks.
  std::int64_t at(std::int64_t row, std::int64_t block) const {
    return (block / kPanelBlocks * rows + row) * kPanelBlocks + block % kPanelBlocks;
  }
  const std::int16_t* codes_at(std::int64_t row, std::int64_t block) const {
    return codes + at(row, block) * kBlockRows;
  }
  /// The rows from `row` on.
  FixedRows from(std::int64_t row) const {
    return {codes + row * kRowCodes, scales + row * kPanelBlocks, blocks, rows};
  }

  /// Codes of a row in a panel.
  static constexpr std::int64_t kRowCodes = kPanelBlocks * kBlockRows;
};

/// The rows of linear's x as the weight's form wants them: `values` [m][k] for float32 and bfloat16 weights,
/// `fixed` for block-float ones.
struct PreparedRows {
  const float* values = nullptr;
  FixedRows fixed;
};

/// All rows of x for weights of this dtype, in buffers of the calling thread that the next call fills anew.
PreparedRows prepare_rows(const Tensor& x, DataType weight);

}  // namespace tessera
