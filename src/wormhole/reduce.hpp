#pragma once
// Reductions of a tile's rows to its first column: GAPOOL and GMPOOL (section 6, modelled where
// docs/wormhole.md says so).
#include <cstdint>

#include "wormhole/fidelity.hpp"
#include "wormhole/tile.hpp"

namespace tessera::wormhole {

/// dest(row, 0) += scaler * sum of the row. MVMUL arithmetic, the tile in SrcA, the scaler in SrcB; the left
/// half of a row first, all its phases before the right half.
void reduce_row_sum(MathFidelity fidelity, DestFormat format, const Tile& source, std::uint32_t scaler,
                    Tile& dest);

/// dest(row, 0) = the largest of it and the row, compared as sign and magnitude; denormals count as zeros.
/// `first`: what dest held does not count.
void reduce_row_max(const Tile& source, bool first, Tile& dest);

}  // namespace tessera::wormhole
