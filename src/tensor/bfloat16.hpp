#pragma once
// bfloat16 as raw bits.
#include <bit>
#include <cstdint>

namespace tessera {

using bf16 = std::uint16_t;

constexpr float bf16_to_float(bf16 bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// Round to nearest even, NaN -> 0x7FC0: the host conversion of tt-metal.
constexpr bf16 float_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return 0x7FC0;
  return static_cast<bf16>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

/// The value after a trip through bfloat16.
constexpr float round_to_bf16(float value) {
  return bf16_to_float(float_to_bf16(value));
}

}  // namespace tessera
