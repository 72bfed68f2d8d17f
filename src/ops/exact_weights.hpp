#pragma once
// How the exact engine reads the second operand of linear and its kin: a matrix [K, N] in strips or in rows.
#include <cstdint>
#include <span>

#include "device/block_strips.hpp"
#include "device/tensor.hpp"
#include "wormhole/matmul_fast.hpp"

namespace tessera {

/// Rows 32 * k_tile and columns 32 * column_tile on, taken apart; 0 beyond the matrix. float32 values are cut
/// as the unpacker cuts them for a Dest of 16 or 32 bits.
void load_weights(const Tensor& weight, std::int64_t k_tile, std::int64_t column_tile, bool fp32_dest,
                  wormhole::WeightOperand& operand);

/// Block `index` of a block-float strip as [k][column]: decode_block_row() of its 32 rows, in vectors. Its
/// weights have 8 significant bits at most: bfloat16 holds them.
void decode_block(DataType dtype, const BlockStrip& layout, const std::byte* strip, std::int64_t index,
                  std::span<bf16, 1024> values);

}  // namespace tessera
