#include "wormhole/pack.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "util/error.hpp"
#include "wormhole/fields.hpp"
#include "wormhole/l1_accumulate.hpp"

namespace tessera::wormhole {
namespace {

// tt-metal's "pack source format": what Dest becomes before the output format.
enum class Intermediate { Float16b, E8M6, Float32 };

Intermediate intermediate(DestFormat format, DataType dtype, bool precise) {
  if (is_block_float(dtype) && !precise) return Intermediate::E8M6;
  if (format == DestFormat::Bf16 || dtype == DataType::BFLOAT16) return Intermediate::Float16b;
  return Intermediate::Float32;
}

// Denormals and -0 become +0.
std::uint32_t flush(std::uint32_t word) {
  return exponent_of(word) == 0 ? 0 : word;
}

std::uint32_t nan_to_infinity(std::uint32_t word) {
  return is_nan(word) ? make_word(is_negative(word), 255, 0) : word;
}

// Stage 1. Rounding is half up and may carry into infinity.
std::uint32_t to_intermediate(DestFormat format, std::uint32_t word, Intermediate kind) {
  if (format == DestFormat::Fp16) {
    const int exponent = exponent_of(word);
    return exponent == 0 ? 0 : make_word(is_negative(word), exponent + 112, fraction_of(word));
  }
  if (kind == Intermediate::Float32) return word;
  word = nan_to_infinity(word);
  if (format == DestFormat::Bf16) {
    word = flush(word);
  } else if (kind == Intermediate::Float16b) {
    word = flush((word + 0x8000u) & 0xFFFF0000u);
  }
  if (kind == Intermediate::E8M6) word = flush(((word & 0xFFFF0000u) + 0x10000u) & 0xFFFE0000u);
  return word;
}

// Stage 2 to block float: a face row of 16 shares the largest exponent; 255 is an ordinary one.
void pack_group(std::span<const std::uint32_t, 16> words, DataType dtype, std::byte& shared,
                std::span<std::byte> codes) {
  const int exponent = exponent_of(std::ranges::max(words, {}, exponent_of));
  shared = static_cast<std::byte>(exponent);
  std::array<std::uint32_t, 16> packed{};
  const bool four = dtype == DataType::BFLOAT4_B;
  for (std::size_t i = 0; i < 16; ++i) {
    const int own = exponent_of(words[i]);
    const std::uint32_t significand = ((words[i] >> 16) & 0x7Fu) | (own != 0 ? 0x80u : 0u);
    const int shift = exponent - own;
    std::uint32_t q = shift >= 8 ? 0 : (significand + (1u << shift)) >> (shift + 1);
    q = std::min(q, 127u);  // saturates: the shared exponent is not bumped
    if (four) q >>= 4;
    if (q != 0) packed[i] = (words[i] >> 31) << (four ? 3 : 7) | q;
  }
  for (std::size_t i = 0; i < codes.size(); ++i) {
    codes[i] = static_cast<std::byte>(four ? packed[2 * i] | packed[2 * i + 1] << 4 : packed[i]);
  }
}

void pack_block_float(const Tile& words, DataType dtype, std::span<std::byte> l1) {
  const std::size_t group_bytes = dtype == DataType::BFLOAT4_B ? 8 : 16;
  for (std::size_t g = 0; g < 64; ++g) {
    pack_group(std::span(words).subspan(16 * g).first<16>(), dtype, l1[g],
               l1.subspan(64 + g * group_bytes, group_bytes));
  }
}

void check_output(DestFormat format, DataType dtype) {
  check(!is_integer(dtype), "[pack] dtype {}: the packer's model has floats only: give a float dtype",
        to_string(dtype));
  check(format != DestFormat::Fp16 || dtype == DataType::FLOAT32,
        "[pack] {} from an fp16 Dest: only kernels whose buffers are all float32 have one: pack to float32",
        to_string(dtype));
}

}  // namespace

std::uint32_t pack_word(DestFormat format, std::uint32_t word, DataType dtype) {
  return to_intermediate(format, word, intermediate(format, dtype, false));
}

void pack_tile(DestFormat format, const Tile& dest, DataType dtype, std::span<std::byte> l1,
               PackOptions options) {
  check_output(format, dtype);
  const Intermediate kind = intermediate(format, dtype, options.precise);
  Tile words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::uint32_t word = to_intermediate(format, dest[i], kind);
    if (options.relu && is_negative(word)) word = 0;
    // "Precise" from an fp32 Dest truncates where the default path rounds.
    if (is_block_float(dtype) && kind == Intermediate::Float32) word = flush(word & 0xFFFF0000u);
    words[i] = word;
  }
  if (is_block_float(dtype)) {
    pack_block_float(words, dtype, l1);
  } else if (dtype == DataType::FLOAT32) {
    std::memcpy(l1.data(), words.data(), sizeof words);
  } else {
    for (std::size_t i = 0; i < words.size(); ++i) {
      const auto half = static_cast<std::uint16_t>(words[i] >> 16);
      std::memcpy(l1.data() + 2 * i, &half, 2);
    }
  }
}

void pack_tile_accumulate(DestFormat format, const Tile& dest, DataType dtype, std::span<std::byte> l1) {
  check(dtype == DataType::FLOAT32 || dtype == DataType::BFLOAT16,
        "[pack] accumulation in L1 of {}: the packer adds float32 and bfloat16: choose one of them",
        to_string(dtype));
  const Intermediate kind = intermediate(format, dtype, false);
  for (std::size_t i = 0; i < dest.size(); ++i) {
    const std::uint32_t source = to_intermediate(format, dest[i], kind);
    if (dtype == DataType::FLOAT32) {
      std::uint32_t word;
      std::memcpy(&word, l1.data() + 4 * i, 4);
      word = l1_add_float32(word, source);
      std::memcpy(l1.data() + 4 * i, &word, 4);
    } else {
      std::uint16_t half;
      std::memcpy(&half, l1.data() + 2 * i, 2);
      half = l1_add_bfloat16(half, static_cast<std::uint16_t>(source >> 16));
      std::memcpy(l1.data() + 2 * i, &half, 2);
    }
  }
}

}  // namespace tessera::wormhole
