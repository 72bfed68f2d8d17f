#pragma once
// The matrix engine: MVMUL and the tile product built of it (sections 4 and 5), in scalar form. What runs
// models is matmul_fast.hpp; this is what it must equal.
#include <cstdint>
#include <span>

#include "wormhole/fidelity.hpp"
#include "wormhole/tile.hpp"

namespace tessera::wormhole {

/// One output element of one MVMUL in one phase: the new Dest word. `a`: 16 words of a SrcA column, `b`: 16
/// of a SrcB row.
std::uint32_t mvmul(DestFormat format, int phase, std::span<const std::uint32_t, 16> a,
                    std::span<const std::uint32_t, 16> b, std::uint32_t dest);

/// dest += in0 x in1 for one K tile. in0 (activations) goes to SrcB, in1 (weights) to SrcA. Call once per K
/// tile in increasing order: the fidelity phases are inside the K tiles and outside the K halves. Fp16 Dest
/// takes Float16 words, the others Float16b or Tf32 words.
void matmul_tile(MathFidelity fidelity, DestFormat format, const Tile& in0, const Tile& in1, Tile& dest);

/// Rows and columns swapped: what the unpacker and the math thread make of in1 with transpose.
Tile transposed(const Tile& tile);

}  // namespace tessera::wormhole
