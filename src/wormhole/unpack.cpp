#include "wormhole/unpack.hpp"

#include <bit>
#include <cstring>

#include "util/error.hpp"
#include "wormhole/fields.hpp"

namespace tessera::wormhole {
namespace {

std::uint32_t read_word(std::span<const std::byte> bytes, std::size_t i) {
  std::uint32_t word;
  std::memcpy(&word, bytes.data() + 4 * i, 4);
  return word;
}

std::uint32_t byte_at(std::span<const std::byte> bytes, std::size_t i) {
  return std::to_integer<std::uint32_t>(bytes[i]);
}

// `code`: sign and 7-bit magnitude. Magnitude 0 with a sign encodes -infinity; the exponent wraps.
std::uint32_t from_block_float(std::uint32_t code, std::uint32_t shared_exponent) {
  const std::uint32_t sign = code >> 7;
  const std::uint32_t magnitude = (code << 1) & 0xFFu;
  if (magnitude == 0) return sign != 0 ? 0xFF800000u : 0u;
  const int shift = std::countl_zero(static_cast<std::uint8_t>(magnitude));
  const std::uint32_t exponent = (shared_exponent - static_cast<std::uint32_t>(shift)) & 0xFFu;
  return (sign << 15 | exponent << 7 | ((magnitude << shift) & 0x7Eu)) << 16;
}

// Section 2a: a 5-bit exponent without infinities.
std::uint32_t to_float16(std::uint32_t word) {
  const int exponent = exponent_of(word) - 112;
  if (exponent < 0) return sign_bit(word);
  if (exponent > 31) return make_word(is_negative(word), 31, 0x3FFu << 13);
  return make_word(is_negative(word), exponent, word & 0x7FE000u);
}

}  // namespace

SrcFormat source_format(DataType dtype, bool fp32_dest_acc_en, bool all_fp32) {
  if (dtype != DataType::FLOAT32) return SrcFormat::Float16b;
  if (fp32_dest_acc_en) return SrcFormat::Tf32;
  return all_fp32 ? SrcFormat::Float16 : SrcFormat::Float16b;
}

std::uint32_t unpack_float32(std::uint32_t word, SrcFormat format) {
  switch (format) {
    case SrcFormat::Tf32:
      return word & 0xFFFFE000u;
    case SrcFormat::Float16:
      return to_float16(word);
    case SrcFormat::Float16b:
      break;
  }
  return flush_denormal(word) & 0xFFFF0000u;
}

Tile unpack_to_source(DataType dtype, SrcFormat format, std::span<const std::byte> bytes) {
  Tile tile;
  for (std::size_t i = 0; i < tile.size(); ++i) {
    switch (dtype) {
      case DataType::FLOAT32:
        tile[i] = unpack_float32(read_word(bytes, i), format);
        break;
      case DataType::BFLOAT16:
        tile[i] = (byte_at(bytes, 2 * i) | byte_at(bytes, 2 * i + 1) << 8) << 16;
        break;
      case DataType::BFLOAT8_B:
        tile[i] = from_block_float(byte_at(bytes, 64 + i), byte_at(bytes, i >> 4));
        break;
      case DataType::BFLOAT4_B: {
        const std::uint32_t pair = byte_at(bytes, 64 + i / 2);
        const std::uint32_t nibble = i % 2 == 0 ? pair & 0xFu : pair >> 4;
        tile[i] = from_block_float(nibble << 4, byte_at(bytes, i >> 4));
        break;
      }
      default:
        fail_user("[unpack] dtype {}: the matrix engine's model has floats only: give a float tile",
                  to_string(dtype));
    }
  }
  return tile;
}

Tile unpack_to_dest(std::span<const std::byte> bytes) {
  Tile tile;
  std::memcpy(tile.data(), bytes.data(), sizeof tile);
  return tile;
}

}  // namespace tessera::wormhole
