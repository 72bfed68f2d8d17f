#include "wormhole/sfpu.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace tessera::wormhole {
namespace {

constexpr std::uint32_t kInfinity = 0x7F800000u;
constexpr std::uint32_t kNan = 0x7F800001u;

// 24 bits with the hidden one; 0 for zero and denormals.
std::uint32_t significand(std::uint32_t word) {
  return exponent_of(word) == 0 ? 0 : 0x800000u | fraction_of(word);
}

bool is_infinite(std::uint32_t word) {
  return (word & 0x7FFFFFFFu) == kInfinity;
}

// Shifts right; the last bit becomes 1 when bits were lost, unless nothing is left ("semi-sticky").
template <class Word>
Word shift_semi_sticky(Word value, int shift) {
  if (shift == 0) return value;
  if (shift >= std::numeric_limits<Word>::digits) return 0;
  const Word shifted = value >> shift;
  if (shifted == 0) return 0;
  return shifted | ((shifted << shift) != value ? 1 : 0);
}

// The NaN of the inputs, or 0 when they make none.
std::uint32_t nan_of_inputs(std::uint32_t x, std::uint32_t y, std::uint32_t z, bool product_infinite) {
  const std::uint32_t product_sign = sign_bit(x ^ y);
  const bool x_zero = significand(x) == 0, y_zero = significand(y) == 0;
  if (is_nan(x) || is_nan(y) || (is_infinite(x) && y_zero) || (is_infinite(y) && x_zero) ||
      (is_infinite(z) && product_infinite && product_sign != sign_bit(z))) {
    return product_sign | kNan;
  }
  return is_nan(z) ? sign_bit(z) | kNan : 0;
}

}  // namespace

std::uint32_t sfpmad(std::uint32_t x, std::uint32_t y, std::uint32_t z) {
  const std::uint32_t product_sign = sign_bit(x ^ y);
  int p_exponent = exponent_of(x) + exponent_of(y) - 127;
  const int z_exponent = exponent_of(z);
  std::uint32_t nan = 0;
  const bool product_infinite = exponent_of(x) == 255 || exponent_of(y) == 255 || p_exponent >= 255;
  if (product_infinite || z_exponent == 255) {
    nan = nan_of_inputs(x, y, z, product_infinite);
    if (nan == 0) return is_infinite(z) ? z : product_sign | kInfinity;
    // The unit computes on: bits of the sum leak into the NaN's fraction.
    p_exponent = std::min(p_exponent, 255);
  }
  // Three bits below the 24 of a significand; the product's last one is sticky.
  std::uint64_t p = static_cast<std::uint64_t>(significand(x)) * significand(y) << 3;
  p = p >> 23 | ((p & 0x7FFFFFu) != 0 ? 1 : 0);
  std::uint32_t m = significand(z) << 3;
  if (p == 0 || p_exponent < 0) {
    if (nan == 0) return m != 0 ? z : 0;
    p = 0;
    p_exponent = 0;
  }
  int exponent = std::max(p_exponent, z_exponent);
  p = shift_semi_sticky(p, exponent - p_exponent);
  m = shift_semi_sticky(m, exponent - z_exponent);
  const std::uint32_t sign = p >= m ? product_sign : sign_bit(z);
  std::uint32_t r;
  if (product_sign != sign_bit(z)) {
    r = static_cast<std::uint32_t>(p >= m ? p - m : m - p);
  } else {
    r = static_cast<std::uint32_t>(p + m);
  }
  if (r == 0) return nan;
  const int n = 5 - std::countl_zero(r);
  exponent += n;
  if (exponent >= 255) return nan != 0 ? nan : sign | kInfinity;
  if (exponent < 0) return nan;
  r = n <= 0 ? r << -n : (r >> n) | (r & 1u);
  std::uint32_t out = (static_cast<std::uint32_t>(exponent) << 23) + ((r >> 3) & 0x7FFFFFu);
  out += (r & 7u) + (out & 1u) > 4 ? 1 : 0;
  if (out >> 23 == 0) return nan;
  return (nan != 0 ? nan : sign) | out;
}

std::uint32_t sfpu_load(DestFormat format, std::uint32_t dest) {
  return format == DestFormat::Fp32 ? flush_denormal(dest) : dest & 0xFFFF0000u;
}

std::uint32_t sfpu_store(DestFormat format, std::uint32_t word) {
  return flush_denormal(word) & (format == DestFormat::Fp32 ? 0xFFFFFFFFu : 0xFFFF0000u);
}

}  // namespace tessera::wormhole
