// "K" super-blocks of 256 values (ggml-common.h): a half-precision scale for the block, small integer scales
// for its 8 groups of 32 or 16 groups of 16.
#include <array>
#include <cstdint>

#include "io/gguf_dequant.hpp"
#include "io/half.hpp"

namespace tessera::io {
namespace {

constexpr int kValues = 256;

float read_half(const std::uint8_t* bytes) {
  return half_to_float(static_cast<std::uint16_t>(bytes[0] | bytes[1] << 8));
}

/// Q2_K, 84 bytes: 16 bytes of group scale (low nibble) and minimum (high); 64 bytes of 2-bit codes; half d,
/// half dmin. The codes of values 128h + 32s + l are bits 2s of byte 32h + l. value = d * scale * q - dmin *
/// min.
void q2_k(const std::uint8_t* data, std::size_t blocks, float* out) {
  for (std::size_t b = 0; b < blocks; ++b, data += 84, out += kValues) {
    const std::uint8_t* codes = data + 16;
    const float d = read_half(data + 80), dmin = read_half(data + 82);
    for (int group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(data[group] & 15);
      const float minimum = dmin * static_cast<float>(data[group] >> 4);
      const std::uint8_t* q = codes + group / 8 * 32 + group % 2 * 16;
      const int shift = group % 8 / 2 * 2;
      for (int l = 0; l < 16; ++l)
        out[group * 16 + l] = scale * static_cast<float>(q[l] >> shift & 3) - minimum;
    }
  }
}

/// Q3_K, 110 bytes: 32 bytes of high bits (bit k of byte l for value 32k + l; clear means minus 4); 64 bytes
/// of 2-bit codes as in Q2_K; 12 bytes of sixteen 6-bit scales, offset 32; half d. value = d * (scale - 32) *
/// q. Scale k: its low four bits are nibble k / 8 of byte k % 8, its high two are bits 2 * (k / 4) of byte 8
/// + k % 4.
void q3_k(const std::uint8_t* data, std::size_t blocks, float* out) {
  for (std::size_t b = 0; b < blocks; ++b, data += 110, out += kValues) {
    const std::uint8_t* codes = data + 32;
    const std::uint8_t* scales = data + 96;
    const float d = read_half(data + 108);
    for (int group = 0; group < 16; ++group) {
      const int low = scales[group % 8] >> (group / 8 * 4) & 15;
      const int high = scales[8 + group % 4] >> (group / 4 * 2) & 3;
      const float scale = d * static_cast<float>((low | high << 4) - 32);
      const std::uint8_t* q = codes + group / 8 * 32 + group % 2 * 16;
      const std::uint8_t* mask = data + group % 2 * 16;
      const int shift = group % 8 / 2 * 2;
      for (int l = 0; l < 16; ++l) {
        const int offset = mask[l] >> (group / 2) & 1 ? 0 : 4;
        out[group * 16 + l] = scale * static_cast<float>((q[l] >> shift & 3) - offset);
      }
    }
  }
}

/// The eight 6-bit scales and minima that Q4_K and Q5_K pack in 12 bytes: the first four are the low six bits
/// of bytes 0-3 and 4-7; the last four have their low nibbles in bytes 8-11 and their high two bits on top of
/// 0-7.
struct Scales {
  std::array<int, 8> scale, minimum;
};

Scales read_scales(const std::uint8_t* packed) {
  Scales result{};
  for (std::size_t i = 0; i < 4; ++i) {
    result.scale[i] = packed[i] & 63;
    result.minimum[i] = packed[i + 4] & 63;
    result.scale[i + 4] = (packed[i + 8] & 15) | packed[i] >> 6 << 4;
    result.minimum[i + 4] = packed[i + 8] >> 4 | packed[i + 4] >> 6 << 4;
  }
  return result;
}

/// Q4_K, 144 bytes: half d, half dmin; 12 bytes of scales and minima; 128 bytes of nibbles: group g has
/// nibble g % 2 of bytes 32 * (g / 2) + l. value = d * scale * q - dmin * min.
void q4_k(const std::uint8_t* data, std::size_t blocks, float* out) {
  for (std::size_t b = 0; b < blocks; ++b, data += 144, out += kValues) {
    const float d = read_half(data), dmin = read_half(data + 2);
    const Scales scales = read_scales(data + 4);
    for (std::size_t group = 0; group < 8; ++group) {
      const float scale = d * static_cast<float>(scales.scale[group]);
      const float minimum = dmin * static_cast<float>(scales.minimum[group]);
      const std::uint8_t* q = data + 16 + group / 2 * 32;
      const int shift = static_cast<int>(group % 2 * 4);
      for (std::size_t l = 0; l < 32; ++l)
        out[group * 32 + l] = scale * static_cast<float>(q[l] >> shift & 15) - minimum;
    }
  }
}

/// Q5_K, 176 bytes: as Q4_K, with 32 bytes of fifth bits (bit g of byte l for value 32g + l) before the
/// nibbles.
void q5_k(const std::uint8_t* data, std::size_t blocks, float* out) {
  for (std::size_t b = 0; b < blocks; ++b, data += 176, out += kValues) {
    const float d = read_half(data), dmin = read_half(data + 2);
    const Scales scales = read_scales(data + 4);
    const std::uint8_t* high = data + 16;
    for (std::size_t group = 0; group < 8; ++group) {
      const float scale = d * static_cast<float>(scales.scale[group]);
      const float minimum = dmin * static_cast<float>(scales.minimum[group]);
      const std::uint8_t* q = data + 48 + group / 2 * 32;
      const int shift = static_cast<int>(group % 2 * 4);
      for (std::size_t l = 0; l < 32; ++l) {
        const int code = (q[l] >> shift & 15) | (high[l] >> group & 1) << 4;
        out[group * 32 + l] = scale * static_cast<float>(code) - minimum;
      }
    }
  }
}

/// Q6_K, 210 bytes: 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 signed group scales, half d.
/// Values 128h + 32s + l: nibble s / 2 of byte 64h + 32 * (s % 2) + l, bits 2s of byte 32h + l. value = d *
/// scale * (q - 32).
void q6_k(const std::uint8_t* data, std::size_t blocks, float* out) {
  for (std::size_t b = 0; b < blocks; ++b, data += 210, out += kValues) {
    const std::uint8_t* scales = data + 192;
    const float d = read_half(data + 208);
    for (int group = 0; group < 16; ++group) {
      const int half = group / 8, slice = group % 8 / 2, first = group % 2 * 16;
      const float scale = d * static_cast<float>(static_cast<std::int8_t>(scales[group]));
      const std::uint8_t* low = data + half * 64 + slice % 2 * 32 + first;
      const std::uint8_t* high = data + 128 + half * 32 + first;
      for (int l = 0; l < 16; ++l) {
        const int code = (low[l] >> (slice / 2 * 4) & 15) | (high[l] >> (slice * 2) & 3) << 4;
        out[group * 16 + l] = scale * static_cast<float>(code - 32);
      }
    }
  }
}

}  // namespace

detail::BlockFn detail::k_block_fn(GgmlType type) {
  switch (type) {
    case GgmlType::Q2_K:
      return q2_k;
    case GgmlType::Q3_K:
      return q3_k;
    case GgmlType::Q4_K:
      return q4_k;
    case GgmlType::Q5_K:
      return q5_k;
    case GgmlType::Q6_K:
      return q6_k;
    default:
      return nullptr;
  }
}

}  // namespace tessera::io
