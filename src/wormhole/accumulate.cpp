#include "wormhole/accumulate.hpp"

#include <algorithm>
#include <bit>

#include "wormhole/fields.hpp"

namespace tessera::wormhole {
namespace {

// 16-bit Dest: addends are rounded to a multiple of this unit, 11 significant bits below the largest.
constexpr std::uint32_t kUnit16 = 1u << 13;

// Bits below the last one that a Dest word keeps.
constexpr int dropped_bits(DestFormat format) {
  switch (format) {
    case DestFormat::Bf16:
      return 16;
    case DestFormat::Fp16:
      return 13;
    case DestFormat::Fp32:
      break;
  }
  return 0;
}

std::uint32_t overflow(DestFormat format, bool negative) {
  return format == DestFormat::Fp16 ? make_word(negative, 31, 0x3FFu << 13) : make_word(negative, 255, 0);
}

// Step 2 and, for a 16-bit Dest, step 3: two roundings, each half up, for negative groups half down.
std::uint32_t align_group(const Group& group, int exponent, bool narrow) {
  const int shift = exponent - group.exponent;
  const std::uint32_t s = group.negative ? 1 : 0;
  std::uint32_t m = group.magnitude;
  if (shift >= 31) {
    m = 0;
  } else if (shift >= 1) {
    m = (m + (1u << (shift - 1)) - s) >> shift;
  }
  return narrow ? (m + kUnit16 / 2 - s) & ~(kUnit16 - 1) : m;
}

// The same for Dest, whose ties always go away from zero.
std::uint32_t align_dest(std::uint32_t dest, int exponent, bool narrow) {
  const int own = exponent_of(dest);
  if (own == 0) return 0;
  const int shift = exponent - own;
  const std::uint32_t m = shift >= 31 ? 0 : round_half_up(0x800000u | fraction_of(dest), shift);
  return narrow ? (m + kUnit16 / 2) & ~(kUnit16 - 1) : m;
}

std::int64_t with_sign(bool negative, std::uint32_t magnitude) {
  return negative ? -static_cast<std::int64_t>(magnitude) : static_cast<std::int64_t>(magnitude);
}

}  // namespace

std::uint32_t accumulate(DestFormat format, std::uint32_t dest, const Group& first, const Group& second) {
  const bool narrow = format != DestFormat::Fp32;
  int exponent = std::max({first.exponent, second.exponent, exponent_of(dest)});
  if (exponent <= 0) return 0;
  // Step 4.
  const std::int64_t sum = with_sign(is_negative(dest), align_dest(dest, exponent, narrow)) +
                           with_sign(first.negative, align_group(first, exponent, narrow)) +
                           with_sign(second.negative, align_group(second, exponent, narrow));
  if (sum == 0) return 0;
  const bool negative = sum < 0;
  auto w = static_cast<std::uint32_t>(negative ? -sum : sum);
  // Step 5: the leading one to bit 23. The hardware shifts a sum of exactly -1 by the wrong amount.
  int shift = sum == -1 ? -4 : std::countl_zero(w) - 8;
  exponent -= shift;
  const int dropped = dropped_bits(format);
  shift -= dropped;
  w = (shift >= 0 ? w << shift : round_half_up(w, -shift)) << dropped;
  if ((w & 0x1000000u) != 0) ++exponent;
  // Step 6.
  if (exponent <= 0) return 0;
  if (exponent >= (format == DestFormat::Fp16 ? 32 : 255)) return overflow(format, negative);
  return make_word(negative, exponent, fraction_of(w));
}

}  // namespace tessera::wormhole
