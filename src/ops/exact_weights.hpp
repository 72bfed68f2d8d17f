#pragma once
// How the exact engine reads the second operand of linear and its kin: a matrix [K, N] in strips or in rows.
#include <cstdint>

#include "device/tensor.hpp"
#include "wormhole/tile.hpp"

namespace tessera {

/// Source words of rows 32 * k_tile and columns 32 * column_tile on; 0 beyond the matrix. float32 values are
/// cut as the unpacker cuts them for a Dest of 16 or 32 bits.
void load_weight_tile(const Tensor& weight, std::int64_t k_tile, std::int64_t column_tile, bool fp32_dest,
                      wormhole::Tile& tile);

}  // namespace tessera
