#pragma once
// The 32x32 tile: four 16x16 faces, top-left, top-right, bottom-left, bottom-right, each row-major.
#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/spec.hpp"

namespace tessera {

/// Position of (row, col) of a tile in its 1024 values.
constexpr std::size_t index_in_tile(std::int64_t row, std::int64_t col) {
  const std::int64_t face = row / kFaceSize * 2 + col / kFaceSize;
  return static_cast<std::size_t>(face * kFaceSize * kFaceSize + row % kFaceSize * kFaceSize +
                                  col % kFaceSize);
}

/// Position of element (row, col) of a matrix with `padded_cols` columns (a multiple of 32) stored tile by
/// tile, tiles row-major.
constexpr std::size_t index_in_tiles(std::int64_t row, std::int64_t col, std::int64_t padded_cols) {
  const std::int64_t tile = row / kTileSize * (padded_cols / kTileSize) + col / kTileSize;
  return static_cast<std::size_t>(tile) * 1024 + index_in_tile(row % kTileSize, col % kTileSize);
}

/// Row-major values of the logical shape -> tile order of the padded shape; padding is 0. `tiled` has
/// padded_shape().volume() values.
void tilize(const Shape& logical, const Shape& padded, std::span<const float> rows, std::span<float> tiled);
/// The inverse; padding is dropped.
void untilize(const Shape& logical, const Shape& padded, std::span<const float> tiled, std::span<float> rows);

/// One tile's 1024 values (tile order) to its packed bytes (tile_bytes(dtype)), host rounding, and back.
void pack_tile(DataType dtype, std::span<const float> values, std::span<std::byte> bytes);
void unpack_tile(DataType dtype, std::span<const std::byte> bytes, std::span<float> values);

}  // namespace tessera
