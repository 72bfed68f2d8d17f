#include "tensor/spec.hpp"

#include <fmt/format.h>

namespace tessera {

std::int64_t tile_bytes(DataType dtype) {
  constexpr std::int64_t kExponents = 64;  // one a face row
  switch (dtype) {
    case DataType::BFLOAT16:
      return 2048;
    case DataType::BFLOAT8_B:
      return kExponents + 1024;
    case DataType::BFLOAT4_B:
      return kExponents + 512;
    default:
      return 4096;
  }
}

Shape TensorSpec::padded_shape() const {
  if (layout == Layout::ROW_MAJOR) return logical_shape;
  const auto round_up = [](std::int64_t n) { return (n + kTileSize - 1) / kTileSize * kTileSize; };
  Shape padded = logical_shape;
  // A vector is one row of a tile.
  if (padded.rank() == 1) padded = Shape{1, padded[0]};
  if (padded.rank() == 0) padded = Shape{1, 1};
  padded[-1] = round_up(padded[-1]);
  padded[-2] = round_up(padded[-2]);
  return padded;
}

std::int64_t TensorSpec::packed_bytes() const {
  if (layout == Layout::TILE) return padded_shape().volume() / (kTileSize * kTileSize) * tile_bytes(dtype);
  return logical_shape.volume() * (dtype == DataType::BFLOAT16 ? 2 : 4);
}

std::string to_string(const TensorSpec& spec) {
  return fmt::format("{} {} {}", to_string(spec.dtype), to_string(spec.layout),
                     to_string(spec.logical_shape));
}

}  // namespace tessera
