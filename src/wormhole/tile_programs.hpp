#pragma once
// The programs of row_programs.hpp over a row of packed tiles: 32 rows at once.
#include <cstddef>
#include <span>
#include <vector>

#include "tensor/dtype.hpp"
#include "wormhole/row_programs.hpp"

namespace tessera::wormhole {

/// A packed tile in L1: tile_bytes(dtype) bytes.
struct L1Tile {
  DataType dtype = DataType::BFLOAT16;
  std::vector<std::byte> bytes;
};

/// Each of the 32 rows over all tiles becomes exp(x - max) / sum, packed as `output`. Padding columns must
/// hold -infinity.
std::vector<L1Tile> softmax(const KernelConfig& config, std::span<const L1Tile> row, DataType output);

/// x / sqrt(mean(x^2) + epsilon) * gamma. `width`: values of a row, the padding (zeros) not counted; `gamma`:
/// as many tiles, of which the first row counts, or none. Throws UserError for another number.
std::vector<L1Tile> rms_norm(const KernelConfig& config, std::span<const L1Tile> row,
                             std::span<const L1Tile> gamma, float epsilon, std::int64_t width,
                             DataType output);

/// (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * gamma + beta, as above.
std::vector<L1Tile> layer_norm(const KernelConfig& config, std::span<const L1Tile> row,
                               std::span<const L1Tile> gamma, std::span<const L1Tile> beta, float epsilon,
                               std::int64_t width, DataType output);

}  // namespace tessera::wormhole
