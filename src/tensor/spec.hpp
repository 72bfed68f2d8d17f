#pragma once
// What a tensor is, apart from its contents.
#include <string>

#include "tensor/dtype.hpp"
#include "tensor/shape.hpp"

namespace tessera {

constexpr std::int64_t kTileSize = 32;
constexpr std::int64_t kFaceSize = 16;

/// Bytes of one 32x32 tile: 4096, 2048, 1088, 576.
std::int64_t tile_bytes(DataType dtype);

struct TensorSpec {
  Shape logical_shape;
  DataType dtype = DataType::BFLOAT16;
  Layout layout = Layout::TILE;

  /// TILE: the last two dimensions rounded up to 32. ROW_MAJOR: the logical shape.
  Shape padded_shape() const;
  /// Bytes of the packed tensor as TT-NN stores it (padding included): what a device's banks are charged.
  std::int64_t packed_bytes() const;
  bool operator==(const TensorSpec&) const = default;
};

/// "bfloat16 tile [1, 1, 32, 576]".
std::string to_string(const TensorSpec& spec);

}  // namespace tessera
