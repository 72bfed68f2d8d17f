#include "wormhole/reduce.hpp"

#include <array>

#include "tensor/tile.hpp"
#include "wormhole/lane.hpp"
#include "wormhole/matmul.hpp"

namespace tessera::wormhole {

void reduce_row_sum(MathFidelity fidelity, DestFormat format, const Tile& source, std::uint32_t scaler,
                    Tile& dest) {
  std::array<std::uint32_t, 16> scalers;
  scalers.fill(scaler);
  for (std::int64_t row = 0; row < kTileSize; ++row) {
    std::uint32_t& sum = dest[index_in_tile(row, 0)];
    for (std::int64_t half = 0; half < kTileSize; half += kFaceSize) {
      const std::span<const std::uint32_t, 16> values(source.data() + index_in_tile(row, half), 16);
      for (int phase = 0; phase < fidelity_phases(fidelity); ++phase) {
        sum = mvmul(format, phase, values, scalers, sum);
      }
    }
  }
}

void reduce_row_max(const Tile& source, bool first, Tile& dest) {
  for (std::int64_t row = 0; row < kTileSize; ++row) {
    std::uint32_t& largest = dest[index_in_tile(row, 0)];
    if (first) largest = flush_denormal(source[index_in_tile(row, 0)]);
    for (std::int64_t column = 0; column < kTileSize; ++column) {
      const std::uint32_t word = flush_denormal(source[index_in_tile(row, column)]);
      largest = greater(Lane(largest), Lane(word)).bits;
    }
  }
}

}  // namespace tessera::wormhole
