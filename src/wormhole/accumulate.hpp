#pragma once
// The matrix engine's adder: Dest plus one or two groups of products (section 4, steps 2 to 6).
#include <cstdint>

#include "wormhole/tile.hpp"

namespace tessera::wormhole {

/// (-1)^negative * magnitude * 2^(exponent - bias - 23), bias 127 (15 with an fp16 Dest); exponent >= 0,
/// magnitude < 2^28. A default Group takes no part.
struct Group {
  bool negative = false;
  int exponent = 0;
  std::uint32_t magnitude = 0;
};

/// The new Dest word. In a 16-bit Dest the sum is rounded to 8 (bfloat16) or 11 (fp16) bits each time.
std::uint32_t accumulate(DestFormat format, std::uint32_t dest, const Group& first, const Group& second = {});

}  // namespace tessera::wormhole
