#pragma once
// The tile product in vector instructions, equal to matmul_tile() bit for bit on every input: what the exact
// engine multiplies with. The instruction set is chosen at run time.
#include <array>
#include <cstdint>
#include <span>

#include "tensor/bfloat16.hpp"
#include "wormhole/fidelity.hpp"
#include "wormhole/tile.hpp"

namespace tessera::wormhole {

/// A tile of in1 (weights, SrcA) taken apart for the multiplier; [k][column]. 6 KiB: stays in the L1 cache
/// while the rows of in0 pass.
struct WeightOperand {
  alignas(64) std::array<std::int16_t, 1024> exponent;
  alignas(64) std::array<std::array<std::int16_t, 1024>, 2> slice;  // upper, lower bits
};

/// A tile of in0 (activations, SrcB); [row][k].
struct ActivationOperand {
  alignas(64) std::array<std::int16_t, 1024> exponent;
  alignas(64) std::array<std::array<std::int16_t, 1024>, 2> slice;
};

/// Accumulators in row-major order, [row][column].
using DestRows = std::array<std::uint32_t, 1024>;

/// Float16b or Tf32 words for a Bf16 or Fp32 Dest, Float16 words for an Fp16 one.
void prepare_weights(DestFormat format, const Tile& in1, WeightOperand& operand);
/// The same of bfloat16 values, [k][column]: what most weights are in a source register.
void prepare_weights(DestFormat format, std::span<const bf16, 1024> in1, WeightOperand& operand);
/// The first `rows` rows (1..32); the others are left as they are.
void prepare_activations(const Tile& in0, int rows, ActivationOperand& operand);

/// dest += in0 x in1 for one K tile, the first `rows` rows (1..32). Call in increasing K.
void matmul_tile_fast(MathFidelity fidelity, DestFormat format, int rows, const ActivationOperand& in0,
                      const WeightOperand& in1, DestRows& dest);

/// matmul_tile() through the functions above.
void matmul_tile_fast(MathFidelity fidelity, DestFormat format, const Tile& in0, const Tile& in1, Tile& dest);

}  // namespace tessera::wormhole
