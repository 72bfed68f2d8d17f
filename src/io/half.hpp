#pragma once
// IEEE binary16 to float32, exact.
#include <bit>
#include <cstdint>

namespace tessera::io {

/// Denormals, infinities and NaN payloads included. Branch-free but for one select, so that loops vectorise.
constexpr float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t rest = static_cast<std::uint32_t>(half & 0x7FFFu) << 13;
  // Exponents 1..30 are re-biased; 31 (infinity, NaN) becomes 255.
  const std::uint32_t bias = (half & 0x7C00u) == 0x7C00u ? (255u - 31u) << 23 : (127u - 15u) << 23;
  const float normal = std::bit_cast<float>(rest + bias);
  // A denormal is its 10-bit fraction times 2^-24.
  const float denormal = static_cast<float>(half & 0x03FFu) * 0x1p-24f;
  const float magnitude = (half & 0x7C00u) == 0 ? denormal : normal;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
}

}  // namespace tessera::io
