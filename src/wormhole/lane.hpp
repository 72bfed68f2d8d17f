#pragma once
// A lane of the vector unit as a value with operators, so that programs read like the vendor's. Every
// arithmetic operator is one SFPMAD.
#include <bit>
#include <cstdint>

#include "wormhole/sfpu.hpp"

namespace tessera::wormhole {

struct Lane {
  std::uint32_t bits = 0;

  constexpr Lane() = default;
  constexpr explicit Lane(std::uint32_t word) : bits(word) {}
  constexpr Lane(float value) : bits(std::bit_cast<std::uint32_t>(value)) {}  // constants of a program
};

/// x * y + z.
inline Lane mad(Lane x, Lane y, Lane z) {
  return Lane(sfpmad(x.bits, y.bits, z.bits));
}
inline Lane operator*(Lane x, Lane y) {
  return mad(x, y, Lane(0u));
}
inline Lane operator+(Lane x, Lane y) {
  return mad(x, Lane(1.0f), y);
}
inline Lane operator-(Lane x, Lane y) {
  return mad(y, Lane(-1.0f), x);
}
inline Lane operator-(Lane x) {
  return Lane(x.bits ^ 0x80000000u);
}

/// Comparisons look at the sign of the difference, as SFPSETCC does.
inline bool operator<(Lane x, Lane y) {
  return is_negative((x - y).bits);
}
inline bool operator>=(Lane x, Lane y) {
  return !(x < y);
}
inline bool operator>(Lane x, Lane y) {
  const Lane difference = x - y;
  return !is_negative(difference.bits) && difference.bits != 0;
}

/// SFPSWAP compares as sign and magnitude; NaNs are the largest magnitudes.
constexpr std::int64_t order_of(Lane x) {
  const std::int64_t magnitude = x.bits & 0x7FFFFFFFu;
  return is_negative(x.bits) ? -magnitude : magnitude;
}
constexpr Lane lesser(Lane x, Lane y) {
  return order_of(x) <= order_of(y) ? x : y;
}
constexpr Lane greater(Lane x, Lane y) {
  return order_of(x) <= order_of(y) ? y : x;
}

/// SFPEXEXP, SFPSETEXP, SFPSETMAN, SFPSETSGN. The exponent is the biased field; its low 8 bits are set.
constexpr int exexp(Lane x) {
  return exponent_of(x.bits);
}
constexpr Lane setexp(Lane x, int exponent) {
  return Lane((x.bits & 0x807FFFFFu) | (static_cast<std::uint32_t>(exponent) & 0xFFu) << 23);
}
constexpr Lane setman(Lane x, std::uint32_t fraction) {
  return Lane((x.bits & 0xFF800000u) | (fraction & 0x7FFFFFu));
}
constexpr Lane setsgn(Lane x, Lane sign) {
  return Lane((x.bits & 0x7FFFFFFFu) | sign_bit(sign.bits));
}
constexpr Lane magnitude(Lane x) {
  return Lane(x.bits & 0x7FFFFFFFu);
}

/// Horner, lowest coefficient first.
inline Lane polynomial(Lane, Lane c0) {
  return c0;
}
template <class... Rest>
Lane polynomial(Lane x, Lane c0, Lane c1, Rest... rest) {
  return mad(x, polynomial(x, c1, rest...), c0);
}

}  // namespace tessera::wormhole
