#pragma once
// softmax, RMS norm and layer norm over a row of tiles, as TT-NN's kernels chain the engine's instructions:
// every intermediate is packed to a circular buffer and unpacked again. Modelled after the kernels' source:
// docs/wormhole.md.
#include <cstddef>
#include <span>
#include <vector>

#include "tensor/dtype.hpp"
#include "wormhole/fidelity.hpp"
#include "wormhole/tile.hpp"

namespace tessera::wormhole {

/// A packed tile in L1: tile_bytes(dtype) bytes.
struct L1Tile {
  DataType dtype = DataType::BFLOAT16;
  std::vector<std::byte> bytes;
};

struct KernelConfig {
  MathFidelity fidelity = MathFidelity::HiFi4;
  bool approximate = true;
  bool fp32_dest = false;  // also: intermediates are float32 instead of bfloat16
};

/// Each of the 32 rows over all tiles becomes exp(x - max) / sum, packed as `output`. Padding columns must
/// hold -infinity.
std::vector<L1Tile> softmax(const KernelConfig& config, std::span<const L1Tile> row, DataType output);

/// x / sqrt(mean(x^2) + epsilon) * gamma. `width`: values of a row, the padding (zeros) not counted; `gamma`:
/// as many tiles, of which the first row counts, or none.
std::vector<L1Tile> rms_norm(const KernelConfig& config, std::span<const L1Tile> row,
                             std::span<const L1Tile> gamma, float epsilon, std::int64_t width,
                             DataType output);

/// (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * gamma + beta; `width` must fill the tiles. Throws
/// UserError otherwise.
std::vector<L1Tile> layer_norm(const KernelConfig& config, std::span<const L1Tile> row,
                               std::span<const L1Tile> gamma, std::span<const L1Tile> beta, float epsilon,
                               std::int64_t width, DataType output);

}  // namespace tessera::wormhole
