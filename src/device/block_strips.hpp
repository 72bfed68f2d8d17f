#pragma once
// How a strip of 32 columns of a block-float weight lies in memory on the fast engine: blocks of 32 rows of
// K, the values in pairs along K, so that one instruction multiplies two k of a column by 16-bit integers.
#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/dtype.hpp"

namespace tessera {

/// Rows of K in a block. K is padded to it with zeros.
constexpr std::int64_t kBlockRows = 32;
/// Columns that share exponents.
constexpr std::int64_t kGroup = 16;
/// A block's exponents above its smallest one may reach so far: 127 << 6 times an activation of 8192, summed
/// over 32 k, stays below 2^31.
constexpr int kMaxShift = 6;

/// A strip is its blocks one behind the other, a single run of memory, then the `bases`. A block is
/// - mantissas. bfloat8_b: 16 pairs of k by 32 columns, two's complement bytes (k, k + 1). bfloat4_b: 4
///   octets of k by 32 columns, 8 two's complement nibbles in 32 bits: the even k of the octet in the lower
///   16, the odd ones in the upper, the lowest k first. A shift and a mask then leave a pair (k, k + 1) at
///   the top of both halves.
/// - `steps`: two groups of 16 columns by 32 k: 2^(e - base), 1 to 64; in a wide block e.
/// `bases`: for each block, one byte for each group; 0 marks a wide block, whose exponents lie more than
/// kMaxShift apart.
/// A weight is mantissa * 2^(e - 127), so e carries the shift of the mantissa's binary point.
struct BlockStrip {
  std::int64_t blocks;
  std::int64_t steps;  // bytes from a block's beginning
  std::int64_t block_bytes;
  std::int64_t bases;  // bytes from the strip's beginning
  std::int64_t bytes;

  BlockStrip(DataType dtype, std::int64_t k)
      : blocks((k + kBlockRows - 1) / kBlockRows),
        steps(dtype == DataType::BFLOAT8_B ? 1024 : 512),
        block_bytes(steps + 64),
        bases(blocks * block_bytes),
        bytes((bases + blocks * 2 + 63) / 64 * 64) {}
};

/// Where a bfloat4_b block has the nibble of row k and column c: its byte, and the bits below it there.
constexpr std::size_t nibble_byte(std::size_t k, std::size_t c) {
  return (k / 8 * 32 + c) * 4 + k % 2 * 2 + k % 8 / 4;
}
constexpr int nibble_shift(std::size_t k) {
  return static_cast<int>(k / 2 % 2 * 4);
}

/// The integer of row k (0 to 31) and column c of a block.
inline int block_mantissa(DataType dtype, const std::byte* block, std::size_t k, std::size_t c) {
  if (dtype == DataType::BFLOAT8_B) return static_cast<std::int8_t>(block[(k / 2 * 32 + c) * 2 + k % 2]);
  const int nibble = std::to_integer<int>(block[nibble_byte(k, c)]) >> nibble_shift(k) & 15;
  return (nibble ^ 8) - 8;
}

/// Row k of a strip, exact.
void decode_block_row(DataType dtype, const BlockStrip& layout, const std::byte* strip, std::int64_t k,
                      std::span<float, 32> values);

/// 32 rows of 32 values (those beyond K are zero) into block `index` of a strip.
void encode_block(DataType dtype, const BlockStrip& layout, std::int64_t index,
                  std::span<const float, 1024> values, std::byte* strip);

}  // namespace tessera
