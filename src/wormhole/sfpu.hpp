#pragma once
// The vector unit (SFPU): its multiply-add and the bit operations that programs are made of (section 10). One
// lane a call; lanes are independent.
#include <cstdint>

#include "wormhole/fields.hpp"
#include "wormhole/tile.hpp"

namespace tessera::wormhole {

/// SFPMAD, x * y + z, partly fused and not IEEE: denormals are 0, NaNs come out as 0x7F800001-like patterns.
std::uint32_t sfpmad(std::uint32_t x, std::uint32_t y, std::uint32_t z);

/// SFP_STOCH_RND mode 1, "nearest even" by name: rounds half up to bfloat16. Denormals become +0, NaN and
/// infinity an infinity of their sign.
constexpr std::uint32_t float_to_fp16b(std::uint32_t word) {
  if (exponent_of(word) == 0) return 0;
  if (exponent_of(word) == 255) return make_word(is_negative(word), 255, 0);
  return (word + 0x8000u) & 0xFFFF0000u;
}

/// What SFPLOAD reads of a Dest word, and what SFPSTORE leaves there: a 16-bit Dest truncates. Denormals are
/// flushed to signed zero, on the way in from a 16-bit Dest excepted.
std::uint32_t sfpu_load(DestFormat format, std::uint32_t dest);
std::uint32_t sfpu_store(DestFormat format, std::uint32_t word);

}  // namespace tessera::wormhole
