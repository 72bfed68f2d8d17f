#pragma once
// Programs of the vector unit (section 10), as the vendor's kernels of April 2026 compute them: one lane a
// call. "Accurate" programs differ between a 16-bit and an fp32 Dest; the former end with float_to_fp16b.
#include <cstdint>
#include <string_view>

#include "wormhole/tile.hpp"

namespace tessera::wormhole {

enum class VectorOp : std::uint8_t { Exp, Reciprocal, Sqrt, Rsqrt, Sigmoid, Silu, Gelu, Tanh };

std::string_view to_string(VectorOp op);

struct VectorMode {
  bool fp32_dest = false;    // ComputeKernelConfig::fp32_dest_acc_en
  bool approximate = false;  // ComputeKernelConfig::math_approx_mode
};

/// The word that the program leaves in its register for the register word `x`. Sigmoid and silu have no
/// approximate form here: TT-NN's models do not use it.
std::uint32_t vector_op(VectorOp op, VectorMode mode, std::uint32_t x);

/// Every value of a Dest tile: load, program, store. The format must be Bf16 or Fp32 as mode.fp32_dest says.
void apply_vector_op(VectorOp op, VectorMode mode, Tile& dest);

}  // namespace tessera::wormhole
