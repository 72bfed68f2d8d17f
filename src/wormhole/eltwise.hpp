#pragma once
// Element-wise instructions of the matrix engine: ELWADD, ELWSUB, ELWMUL (section 6), and copies to Dest.
#include <cstdint>
#include <span>

#include "wormhole/fidelity.hpp"
#include "wormhole/tile.hpp"

namespace tessera::wormhole {

enum class EltwiseOp : std::uint8_t { Add, Subtract, Multiply };

/// One element. `a` (in0) is SrcA, `b` (in1) SrcB: the other way round than in a matmul. The result is added
/// to `dest`; additions have one phase whatever the fidelity.
std::uint32_t eltwise(EltwiseOp op, MathFidelity fidelity, DestFormat format, std::uint32_t a,
                      std::uint32_t b, std::uint32_t dest = 0);

/// eltwise() of each pair of words, in vectors. `dest` may be `a` or `b`.
void eltwise_row(EltwiseOp op, MathFidelity fidelity, DestFormat format, std::span<const std::uint32_t> a,
                 std::span<const std::uint32_t> b, std::span<std::uint32_t> dest);

/// dest += a op b, or dest = a op b unless `accumulate`.
void eltwise_tile(EltwiseOp op, MathFidelity fidelity, DestFormat format, const Tile& a, const Tile& b,
                  bool accumulate, Tile& dest);

/// A source tile copied to Dest: MOVA2D in a 16-bit Dest (denormals become +0), ELWADD with 0 in an fp32 one.
Tile copy_to_dest(DestFormat format, const Tile& source);

}  // namespace tessera::wormhole
