#include "device/block_strips.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "tensor/block_float.hpp"

namespace tessera {
namespace {

// Two's complement of a sign-magnitude code.
int signed_mantissa(DataType dtype, std::uint8_t code) {
  const int width = magnitude_bits(dtype);
  const int magnitude = code & ((1 << width) - 1);
  return (code >> width) != 0 ? -magnitude : magnitude;
}

// Sixteen weights of one k: integers and the exponent of their unit; exponent 0 when all are zero.
struct Integers {
  std::array<int, kGroup> mantissas{};
  int exponent = 0;
};

Integers pack(DataType dtype, std::span<const float, kGroup> values) {
  const BlockGroup group = pack_group_host(dtype, values);
  const int exponent = group.exponent - (magnitude_bits(dtype) - 1);
  Integers result;
  if (exponent < 1) return result;
  for (std::size_t i = 0; i < kGroup; ++i) {
    result.mantissas[i] = signed_mantissa(dtype, group.codes[i]);
    if (result.mantissas[i] != 0) result.exponent = exponent;
  }
  return result;
}

// A byte's lower nibble comes first, and overwrites what was there.
void store(DataType dtype, const std::array<int, kGroup>& mantissas, std::size_t k, std::size_t column,
           std::byte* block) {
  for (std::size_t c = 0; c < kGroup; ++c) {
    const auto m = static_cast<std::uint8_t>(mantissas[c]);
    if (dtype == DataType::BFLOAT8_B) {
      block[(k / 2 * 32 + column + c) * 2 + k % 2] = std::byte{m};
    } else {
      std::byte& at = block[nibble_byte(k, column + c)];
      const auto nibble = std::byte{static_cast<std::uint8_t>(m & 15)};
      at = nibble_shift(k) == 0 ? nibble : at | nibble << 4;
    }
  }
}

}  // namespace

void encode_block(DataType dtype, const BlockStrip& layout, std::int64_t index,
                  std::span<const float, 1024> values, std::byte* strip) {
  for (std::int64_t g = 0; g < 2; ++g) {
    std::array<int, kBlockRows> exponents{};
    int lowest = 255, highest = 0;
    for (std::int64_t k = 0; k < kBlockRows; ++k) {
      const auto first = static_cast<std::size_t>(k * 32 + g * kGroup);
      const Integers row = pack(dtype, values.subspan(first).first<kGroup>());
      store(dtype, row.mantissas, static_cast<std::size_t>(k), static_cast<std::size_t>(g * kGroup),
            strip + index * layout.block_bytes);
      exponents[static_cast<std::size_t>(k)] = row.exponent;
      if (row.exponent == 0) continue;
      lowest = std::min(lowest, row.exponent);
      highest = std::max(highest, row.exponent);
    }
    const bool wide = highest - lowest > kMaxShift;
    const int base = highest == 0 ? 1 : lowest;
    std::byte* steps = strip + index * layout.block_bytes + layout.steps + g * kBlockRows;
    for (std::size_t k = 0; k < kBlockRows; ++k) {
      const int e = exponents[k] == 0 ? base : exponents[k];
      steps[k] = std::byte{static_cast<std::uint8_t>(wide ? e : 1 << (e - base))};
    }
    strip[layout.bases + index * 2 + g] = std::byte{static_cast<std::uint8_t>(wide ? 0 : base)};
  }
}

void decode_block_row(DataType dtype, const BlockStrip& layout, const std::byte* strip, std::int64_t k,
                      std::span<float, 32> values) {
  const std::int64_t index = k / kBlockRows, row = k % kBlockRows;
  const std::byte* block = strip + index * layout.block_bytes;
  for (std::int64_t c = 0; c < 32; ++c) {
    const std::int64_t g = c / kGroup;
    const int m = block_mantissa(dtype, block, static_cast<std::size_t>(row), static_cast<std::size_t>(c));
    const int base = std::to_integer<int>(strip[layout.bases + index * 2 + g]);
    const int step = std::to_integer<int>(block[layout.steps + g * kBlockRows + row]);
    const int unit = base == 0 ? step : base;
    values[static_cast<std::size_t>(c)] = static_cast<float>(base == 0 ? m : m * step) *
                                          std::bit_cast<float>(static_cast<std::uint32_t>(unit) << 23);
  }
}

}  // namespace tessera
