#pragma once
// Reductions of a row: GAPOOL and GMPOOL (section 6). Modelled where docs/wormhole.md says so.
#include <cstdint>
#include <span>

#include "wormhole/fidelity.hpp"
#include "wormhole/tile.hpp"

namespace tessera::wormhole {

/// dest + scaler * the sum of `row`, source words, in MVMUL arithmetic: the row in SrcA, the scaler in SrcB;
/// 16 values at a time, all their phases before the next. The row's length is a multiple of 16.
std::uint32_t reduce_sum(MathFidelity fidelity, DestFormat format, std::span<const std::uint32_t> row,
                         std::uint32_t scaler, std::uint32_t dest = 0);

/// The largest of `row`, not empty, compared as sign and magnitude; denormals count as zeros.
std::uint32_t reduce_max(std::span<const std::uint32_t> row);

}  // namespace tessera::wormhole
