#pragma once
// Tiles for tests: what models have, and what breaks adders.
#include <bit>
#include <cstdint>

#include "util/rng.hpp"
#include "wormhole/fields.hpp"
#include "wormhole/tile.hpp"

namespace tessera::wormhole::test {

enum class Kind { Normal, Wide, Ties, Tiny, Huge, Sparse, Cancel, Bits, OneExponent };
constexpr int kKinds = 9;

inline std::uint32_t word_of(Kind kind, Rng& rng, std::uint32_t previous) {
  const auto random = static_cast<std::uint32_t>(rng.next() >> 32);
  const auto word = [&](std::uint64_t exponent) {
    return (random & 0x807FFFFFu) | static_cast<std::uint32_t>(exponent) << 23;
  };
  switch (kind) {
    case Kind::Normal:
      return std::bit_cast<std::uint32_t>(rng.normal());
    case Kind::Wide:
      return word(100 + rng.below(54));
    case Kind::Ties:  // few bits: many sums end in a half
      return word(120 + rng.below(12)) & 0xFFF00000u;
    case Kind::Tiny:
      return word(rng.below(70));
    case Kind::Huge:
      return word(180 + rng.below(76));
    case Kind::Sparse:
      return rng.below(100) < 85 ? random & 0x80000000u : word(110 + rng.below(20));
    case Kind::Cancel:
      return rng.below(2) == 0 ? previous ^ 0x80000000u : word(124 + rng.below(5));
    case Kind::Bits:
      return random;
    case Kind::OneExponent:
      return word(127);
  }
  return random;
}

/// Words of a register or Dest: Float16b and bf16 keep the top 16 bits, Tf32 19, fp32 all; Float16 and fp16
/// keep 5 exponent bits.
inline std::uint32_t as_source(std::uint32_t word, SrcFormat format) {
  if (format == SrcFormat::Float16b) return word & 0xFFFF0000u;
  if (format == SrcFormat::Tf32) return word & 0xFFFFE000u;
  return make_word(is_negative(word), exponent_of(word) & 31, word & 0x7FE000u);
}
inline std::uint32_t as_dest(std::uint32_t word, DestFormat format) {
  if (format == DestFormat::Bf16) return as_source(word, SrcFormat::Float16b);
  return format == DestFormat::Fp16 ? as_source(word, SrcFormat::Float16) : word;
}

inline Tile random_source(Kind kind, Rng& rng, SrcFormat format) {
  Tile tile;
  std::uint32_t previous = 0;
  for (auto& word : tile) word = as_source(previous = word_of(kind, rng, previous), format);
  return tile;
}
inline Tile random_dest(Kind kind, Rng& rng, DestFormat format) {
  Tile tile;
  std::uint32_t previous = 0;
  for (auto& word : tile) word = as_dest(previous = word_of(kind, rng, previous), format);
  return tile;
}

}  // namespace tessera::wormhole::test
