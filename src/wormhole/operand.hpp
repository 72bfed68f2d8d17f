#pragma once
// What the multiplier sees of a source register in one fidelity phase (section 3).
#include <array>
#include <cstdint>

#include "wormhole/fields.hpp"
#include "wormhole/tile.hpp"

namespace tessera::wormhole {

/// Denormals and zeros are ZERO; exponent 255 is an ordinary large number.
struct Operand {
  bool negative;
  bool zero;
  int exponent;
  std::uint32_t significand;  // 1.mmmmmmmmmm, 11 bits
};

constexpr Operand operand(std::uint32_t word) {
  return {is_negative(word), exponent_of(word) == 0, exponent_of(word), 0x400u | fraction_of(word) >> 13};
}

/// Added to a product's exponent in phase 0..3, because its slices stand lower.
constexpr std::array<int, 4> kPhaseExponent{0, -5, -7, -12};

/// SrcA gives 5 bits: the upper (hidden one included) in phases 0 and 2, the lower in 1 and 3. Its last bit
/// is never used.
constexpr std::uint32_t slice_a(const Operand& a, int phase) {
  return phase % 2 == 0 ? a.significand >> 6 : (a.significand >> 1) & 31u;
}

/// SrcB gives 7 bits: the upper in phases 0 and 1, the lower four in 2 and 3.
constexpr std::uint32_t slice_b(const Operand& b, int phase) {
  return phase < 2 ? b.significand >> 4 : (b.significand & 15u) << 3;
}

constexpr int exponent_bias(DestFormat format) {
  return format == DestFormat::Fp16 ? 15 : 127;
}

/// Exponent of the product in a phase; may be <= 0 or > 255.
constexpr int product_exponent(const Operand& a, const Operand& b, int phase, DestFormat format) {
  return a.exponent + b.exponent - exponent_bias(format) + kPhaseExponent[static_cast<std::size_t>(phase)];
}

}  // namespace tessera::wormhole
