// Blocks of 32 values (ggml-common.h). Nibbles: byte j holds value j (low) and value j + 16 (high).
#include <cstdint>

#include "io/gguf_dequant.hpp"
#include "io/half.hpp"

namespace tessera::io {
namespace {

constexpr int kValues = 32;

float read_half(const std::uint8_t* bytes) {
  return half_to_float(static_cast<std::uint16_t>(bytes[0] | bytes[1] << 8));
}

/// The fifth bits of 32 values.
std::uint32_t read_high_bits(const std::uint8_t* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8 |
         static_cast<std::uint32_t>(bytes[2]) << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
}

/// Q4_0, 18 bytes: half d; 16 bytes of nibbles. value = d * (q - 8).
void q4_0(const std::uint8_t* data, std::size_t blocks, float* out) {
  for (std::size_t b = 0; b < blocks; ++b, data += 18, out += kValues) {
    const float d = read_half(data);
    for (int j = 0; j < 16; ++j) {
      out[j] = d * static_cast<float>((data[2 + j] & 15) - 8);
      out[j + 16] = d * static_cast<float>((data[2 + j] >> 4) - 8);
    }
  }
}

/// Q4_1, 20 bytes: half d, half m; 16 bytes of nibbles. value = d * q + m.
void q4_1(const std::uint8_t* data, std::size_t blocks, float* out) {
  for (std::size_t b = 0; b < blocks; ++b, data += 20, out += kValues) {
    const float d = read_half(data), m = read_half(data + 2);
    for (int j = 0; j < 16; ++j) {
      out[j] = d * static_cast<float>(data[4 + j] & 15) + m;
      out[j + 16] = d * static_cast<float>(data[4 + j] >> 4) + m;
    }
  }
}

/// Q5_0, 22 bytes: half d; u32 of fifth bits (bit i for value i); 16 bytes of nibbles. value = d * (q - 16).
void q5_0(const std::uint8_t* data, std::size_t blocks, float* out) {
  for (std::size_t b = 0; b < blocks; ++b, data += 22, out += kValues) {
    const float d = read_half(data);
    const std::uint32_t high = read_high_bits(data + 2);
    for (unsigned j = 0; j < 16; ++j) {
      const std::uint32_t low_q = (data[6 + j] & 15u) | (high >> j & 1u) << 4;
      const std::uint32_t high_q = (data[6 + j] >> 4u) | (high >> (j + 16) & 1u) << 4;
      out[j] = d * static_cast<float>(static_cast<int>(low_q) - 16);
      out[j + 16] = d * static_cast<float>(static_cast<int>(high_q) - 16);
    }
  }
}

/// Q5_1, 24 bytes: half d, half m; u32 of fifth bits; 16 bytes of nibbles. value = d * q + m.
void q5_1(const std::uint8_t* data, std::size_t blocks, float* out) {
  for (std::size_t b = 0; b < blocks; ++b, data += 24, out += kValues) {
    const float d = read_half(data), m = read_half(data + 2);
    const std::uint32_t high = read_high_bits(data + 4);
    for (unsigned j = 0; j < 16; ++j) {
      const std::uint32_t low_q = (data[8 + j] & 15u) | (high >> j & 1u) << 4;
      const std::uint32_t high_q = (data[8 + j] >> 4u) | (high >> (j + 16) & 1u) << 4;
      out[j] = d * static_cast<float>(static_cast<int>(low_q)) + m;
      out[j + 16] = d * static_cast<float>(static_cast<int>(high_q)) + m;
    }
  }
}

/// Q8_0, 34 bytes: half d; 32 signed bytes. value = d * q.
void q8_0(const std::uint8_t* data, std::size_t blocks, float* out) {
  for (std::size_t b = 0; b < blocks; ++b, data += 34, out += kValues) {
    const float d = read_half(data);
    for (int j = 0; j < kValues; ++j) out[j] = d * static_cast<float>(static_cast<std::int8_t>(data[2 + j]));
  }
}

}  // namespace

detail::BlockFn detail::legacy_block_fn(GgmlType type) {
  switch (type) {
    case GgmlType::Q4_0:
      return q4_0;
    case GgmlType::Q4_1:
      return q4_1;
    case GgmlType::Q5_0:
      return q5_0;
    case GgmlType::Q5_1:
      return q5_1;
    case GgmlType::Q8_0:
      return q8_0;
    default:
      return nullptr;
  }
}

}  // namespace tessera::io
