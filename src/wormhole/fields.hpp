#pragma once
// Fields of a register word, and the rounding that the matrix engine and the packer use everywhere.
#include <bit>
#include <cstdint>

namespace tessera::wormhole {

constexpr std::uint32_t sign_bit(std::uint32_t word) {
  return word & 0x80000000u;
}
constexpr bool is_negative(std::uint32_t word) {
  return sign_bit(word) != 0;
}
constexpr int exponent_of(std::uint32_t word) {
  return static_cast<int>((word >> 23) & 0xFFu);
}
constexpr std::uint32_t fraction_of(std::uint32_t word) {
  return word & 0x7FFFFFu;
}
constexpr bool is_nan(std::uint32_t word) {
  return exponent_of(word) == 255 && fraction_of(word) != 0;
}
constexpr std::uint32_t make_word(bool negative, int exponent, std::uint32_t fraction) {
  return (negative ? 0x80000000u : 0u) | static_cast<std::uint32_t>(exponent) << 23 | fraction;
}

/// A denormal as the signed zero it counts as.
constexpr std::uint32_t flush_denormal(std::uint32_t word) {
  return exponent_of(word) == 0 ? sign_bit(word) : word;
}

/// x / 2^n, half up: ties of a magnitude go away from zero. n in 0..31.
constexpr std::uint32_t round_half_up(std::uint32_t x, int n) {
  return n == 0 ? x : (x + (1u << (n - 1))) >> n;
}

}  // namespace tessera::wormhole
