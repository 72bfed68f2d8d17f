#include "tensor/tile.hpp"

#include <algorithm>
#include <cstring>

#include "tensor/bfloat16.hpp"
#include "tensor/block_float.hpp"

namespace tessera {
namespace {

struct Matrices {
  std::int64_t count, rows, cols, padded_rows, padded_cols;
};

Matrices matrices(const Shape& logical, const Shape& padded) {
  const std::int64_t rows = logical.rank() >= 2 ? logical[-2] : 1;
  const std::int64_t cols = logical.rank() >= 1 ? logical[-1] : 1;
  const std::int64_t size = rows * cols;
  return {size == 0 ? 0 : logical.volume() / size, rows, cols, padded[-2], padded[-1]};
}

template <class Visit>  // visit(index of the row-major element, index of the tiled one)
void for_each_element(const Matrices& m, Visit visit) {
  for (std::int64_t b = 0; b < m.count; ++b) {
    for (std::int64_t r = 0; r < m.rows; ++r) {
      for (std::int64_t c = 0; c < m.cols; ++c) {
        visit(static_cast<std::size_t>((b * m.rows + r) * m.cols + c),
              static_cast<std::size_t>(b * m.padded_rows * m.padded_cols) +
                  index_in_tiles(r, c, m.padded_cols));
      }
    }
  }
}

// A little-endian nibble pair holds the even element in the low half.
std::uint8_t get_code(DataType dtype, const std::byte* codes, std::size_t i) {
  if (dtype == DataType::BFLOAT8_B) return std::to_integer<std::uint8_t>(codes[i]);
  return static_cast<std::uint8_t>(std::to_integer<unsigned>(codes[i / 2]) >> (i % 2 * 4) & 15u);
}

void put_code(DataType dtype, std::byte* codes, std::size_t i, std::uint8_t code) {
  if (dtype == DataType::BFLOAT8_B) {
    codes[i] = std::byte{code};
  } else {
    codes[i / 2] |= std::byte{static_cast<std::uint8_t>(code << (i % 2 * 4))};
  }
}

constexpr std::size_t kGroups = 64;

}  // namespace

void tilize(const Shape& logical, const Shape& padded, std::span<const float> rows, std::span<float> tiled) {
  std::ranges::fill(tiled, 0.0f);
  for_each_element(matrices(logical, padded),
                   [&](std::size_t from, std::size_t to) { tiled[to] = rows[from]; });
}

void untilize(const Shape& logical, const Shape& padded, std::span<const float> tiled,
              std::span<float> rows) {
  for_each_element(matrices(logical, padded),
                   [&](std::size_t to, std::size_t from) { rows[to] = tiled[from]; });
}

void pack_tile(DataType dtype, std::span<const float> values, std::span<std::byte> bytes) {
  if (dtype == DataType::BFLOAT16) {
    for (std::size_t i = 0; i < 1024; ++i) {
      const bf16 half = float_to_bf16(values[i]);
      std::memcpy(bytes.data() + 2 * i, &half, 2);
    }
  } else if (is_block_float(dtype)) {
    std::ranges::fill(bytes, std::byte{0});
    for (std::size_t g = 0; g < kGroups; ++g) {
      const BlockGroup group = pack_group_host(dtype, values.subspan(g * 16).first<16>());
      bytes[g] = std::byte{group.exponent};
      for (std::size_t i = 0; i < 16; ++i)
        put_code(dtype, bytes.data() + kGroups, g * 16 + i, group.codes[i]);
    }
  } else {
    std::memcpy(bytes.data(), values.data(), 4096);
  }
}

void unpack_tile(DataType dtype, std::span<const std::byte> bytes, std::span<float> values) {
  if (dtype == DataType::BFLOAT16) {
    for (std::size_t i = 0; i < 1024; ++i) {
      bf16 half;
      std::memcpy(&half, bytes.data() + 2 * i, 2);
      values[i] = bf16_to_float(half);
    }
  } else if (is_block_float(dtype)) {
    for (std::size_t g = 0; g < kGroups; ++g) {
      BlockGroup group{std::to_integer<std::uint8_t>(bytes[g]), {}};
      for (std::size_t i = 0; i < 16; ++i)
        group.codes[i] = get_code(dtype, bytes.data() + kGroups, g * 16 + i);
      unpack_group(dtype, group, values.subspan(g * 16).first<16>());
    }
  } else {
    std::memcpy(values.data(), bytes.data(), 4096);
  }
}

}  // namespace tessera
