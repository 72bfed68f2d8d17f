#include "wormhole/l1_accumulate.hpp"

#include <bit>
#include <limits>

#include "wormhole/fields.hpp"

namespace tessera::wormhole {
namespace {

double widen(bf16 bits) {
  const std::uint32_t word = flush_denormal(static_cast<std::uint32_t>(bits) << 16);
  if (is_nan(word)) {
    const double most = std::numeric_limits<double>::max();
    return is_negative(word) ? -most : most;
  }
  return std::bit_cast<float>(word);
}

bf16 narrow(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto sign = static_cast<std::uint32_t>(bits >> 63) << 15;
  const int exponent = static_cast<int>((bits >> 52) & 0x7FFu) - 1023 + 127;
  if (exponent <= 0) return static_cast<bf16>(sign);
  if (exponent >= 255) return static_cast<bf16>(sign | 0x7F80u);
  constexpr int kDropped = 52 - 7;
  const std::uint64_t fraction = bits & ((1ull << 52) - 1);
  const std::uint64_t odd = (fraction >> kDropped) & 1u;
  const std::uint64_t rounded = (fraction + (1ull << (kDropped - 1)) - 1 + odd) >> kDropped;
  return static_cast<bf16>(
      sign | ((static_cast<std::uint32_t>(exponent) << 7) + static_cast<std::uint32_t>(rounded)));
}

}  // namespace

std::uint32_t l1_add_float32(std::uint32_t l1, std::uint32_t source) {
  const float sum = std::bit_cast<float>(flush_denormal(l1)) + std::bit_cast<float>(flush_denormal(source));
  const auto bits = std::bit_cast<std::uint32_t>(sum);
  return is_nan(bits) ? 0x7FC00000u : flush_denormal(bits);
}

bf16 l1_add_bfloat16(bf16 l1, bf16 source) {
  constexpr bf16 kInfinity = 0x7F80, kSign = 0x8000;
  const bool infinite = (l1 & ~kSign) == kInfinity && (source & ~kSign) == kInfinity;
  if (infinite && l1 != source) return 0x7FC0;
  return narrow(widen(l1) + widen(source));
}

void l1_add_bfloat16_row(std::span<std::uint32_t> l1, std::span<const std::uint32_t> source) {
  for (std::size_t i = 0; i < l1.size(); ++i) {
    const std::uint32_t a = l1[i], b = source[i];
    if (exponent_of(a) == 255 || exponent_of(b) == 255) {
      l1[i] =
          static_cast<std::uint32_t>(l1_add_bfloat16(static_cast<bf16>(a >> 16), static_cast<bf16>(b >> 16)))
          << 16;
      continue;
    }
    const float sum = std::bit_cast<float>(flush_denormal(a)) + std::bit_cast<float>(flush_denormal(b));
    const auto bits = std::bit_cast<std::uint32_t>(sum);
    l1[i] = exponent_of(bits) == 0 ? sign_bit(bits) : (bits + 0x7FFFu + ((bits >> 16) & 1u)) & 0xFFFF0000u;
  }
}

}  // namespace tessera::wormhole
