#include "tensor/block_float.hpp"

#include <algorithm>
#include <bit>

namespace tessera {
namespace {

struct Parts {
  std::uint32_t sign, exponent, fraction;  // fields of a float32
};

Parts split(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return {bits >> 31, (bits >> 23) & 0xFF, bits & 0x7FFFFF};
}

}  // namespace

BlockGroup pack_group_host(DataType dtype, std::span<const float, 16> values) {
  const int width = magnitude_bits(dtype);
  const int dropped = 24 - width;
  const std::uint32_t most = (1u << width) - 1;
  BlockGroup group;
  std::uint32_t shared = 0;
  for (const float value : values) shared = std::max(shared, split(value).exponent);
  group.exponent = static_cast<std::uint8_t>(shared);
  for (std::size_t i = 0; i < 16; ++i) {
    const Parts parts = split(values[i]);
    if (parts.exponent == 0) continue;  // zero or denormal
    const std::uint32_t shift = shared - parts.exponent;
    if (shift >= 24) continue;
    const std::uint32_t significand = (0x800000u | parts.fraction) >> shift;
    std::uint32_t magnitude = significand >> dropped;
    const std::uint32_t rest = significand & ((1u << dropped) - 1);
    const std::uint32_t half = 1u << (dropped - 1);
    if (rest > half || (rest == half && (magnitude & 1u) != 0)) ++magnitude;
    magnitude = std::min(magnitude, most);
    if (magnitude != 0) group.codes[i] = static_cast<std::uint8_t>(parts.sign << width | magnitude);
  }
  return group;
}

BlockGroup pack_group_device(DataType dtype, std::span<const bf16, 16> values) {
  std::array<std::uint32_t, 16> rounded;
  std::uint32_t shared = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    std::uint32_t v = values[i];
    if ((v & 0x7FFFu) > 0x7F80u) v = (v & 0x8000u) | 0x7F80u;
    if ((v & 0x7FFFu) < 0x80u) v = 0;
    rounded[i] = (v + 1) & 0xFFFEu;
    shared = std::max(shared, (rounded[i] >> 7) & 0xFFu);
  }
  BlockGroup group;
  group.exponent = static_cast<std::uint8_t>(shared);
  for (std::size_t i = 0; i < 16; ++i) {
    const std::uint32_t exponent = (rounded[i] >> 7) & 0xFFu;
    const std::uint32_t significand = (rounded[i] & 0x7Fu) | (exponent != 0 ? 0x80u : 0u);
    const std::uint32_t shift = shared - exponent;
    std::uint32_t q = shift >= 8 ? 0 : (significand + (1u << shift)) >> (shift + 1);
    q = std::min(q, 127u);
    const std::uint32_t sign = rounded[i] >> 15;
    if (dtype == DataType::BFLOAT4_B) {
      q >>= 4;
      if (q != 0) group.codes[i] = static_cast<std::uint8_t>(sign << 3 | q);
    } else if (q != 0) {
      group.codes[i] = static_cast<std::uint8_t>(sign << 7 | q);
    }
  }
  return group;
}

void unpack_group(DataType dtype, const BlockGroup& group, std::span<float, 16> values) {
  const int width = magnitude_bits(dtype);
  const std::uint32_t mask = (1u << width) - 1;
  // Two exact factors: for small exponents the product may be denormal, the factors never are.
  const int exponent = group.exponent - 127 - (width - 1);
  const float scale = exponent >= -126
                          ? std::bit_cast<float>(static_cast<std::uint32_t>(exponent + 127) << 23)
                          : std::bit_cast<float>(static_cast<std::uint32_t>(exponent + 127 + 24) << 23);
  const float rest = exponent >= -126 ? 1.0f : 0x1.0p-24f;
  for (std::size_t i = 0; i < 16; ++i) {
    const float magnitude = static_cast<float>(group.codes[i] & mask) * scale * rest;
    values[i] = (group.codes[i] >> width) != 0 ? -magnitude : magnitude;
  }
}

void round_to_block_float(DataType dtype, std::span<float> values) {
  std::array<float, 16> run;
  for (std::size_t begin = 0; begin < values.size(); begin += 16) {
    const std::size_t n = std::min<std::size_t>(16, values.size() - begin);
    run.fill(0);
    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(begin), n, run.begin());
    unpack_group(dtype, pack_group_host(dtype, run), run);
    std::copy_n(run.begin(), n, values.begin() + static_cast<std::ptrdiff_t>(begin));
  }
}

}  // namespace tessera
