#include "tensor/host_tensor.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "tensor/bfloat16.hpp"
#include "tensor/tile.hpp"
#include "util/error.hpp"

namespace tessera {
namespace {

void check_spec(const TensorSpec& spec, std::size_t values) {
  check(!is_block_float(spec.dtype) || spec.layout == Layout::TILE,
        "[from_vector] {} in row_major: block-float exists in tiles only: use Layout::TILE",
        to_string(spec.dtype));
  check(static_cast<std::int64_t>(values) == spec.logical_shape.volume(),
        "[from_vector] {} values for {}: give {} values", values, to_string(spec),
        spec.logical_shape.volume());
}

// Integers travel through the float code paths as bit patterns: every step is a copy of 32 bits.
std::vector<float> as_bits(std::span<const std::int32_t> values) {
  std::vector<float> bits(values.size());
  if (!values.empty()) std::memcpy(bits.data(), values.data(), values.size_bytes());
  return bits;
}

std::vector<std::byte> pack(std::span<const float> values, const TensorSpec& spec) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(spec.packed_bytes()));
  if (values.empty()) return bytes;
  if (spec.layout == Layout::ROW_MAJOR) {
    if (spec.dtype == DataType::BFLOAT16) {
      auto* out = reinterpret_cast<bf16*>(bytes.data());
      std::ranges::transform(values, out, float_to_bf16);
    } else {
      std::memcpy(bytes.data(), values.data(), values.size_bytes());
    }
    return bytes;
  }
  const Shape padded = spec.padded_shape();
  std::vector<float> tiled(static_cast<std::size_t>(padded.volume()));
  tilize(spec.logical_shape, padded, values, tiled);
  const auto size = static_cast<std::size_t>(tile_bytes(spec.dtype));
  for (std::size_t tile = 0; tile * 1024 < tiled.size(); ++tile) {
    pack_tile(spec.dtype, std::span(tiled).subspan(tile * 1024, 1024),
              std::span(bytes).subspan(tile * size, size));
  }
  return bytes;
}

std::vector<float> unpack(std::span<const std::byte> bytes, const TensorSpec& spec) {
  std::vector<float> values(static_cast<std::size_t>(spec.logical_shape.volume()));
  if (values.empty()) return values;
  if (spec.layout == Layout::ROW_MAJOR) {
    if (spec.dtype == DataType::BFLOAT16) {
      std::transform(reinterpret_cast<const bf16*>(bytes.data()),
                     reinterpret_cast<const bf16*>(bytes.data()) + values.size(), values.begin(),
                     bf16_to_float);
    } else {
      std::memcpy(values.data(), bytes.data(), values.size() * 4);
    }
    return values;
  }
  const Shape padded = spec.padded_shape();
  std::vector<float> tiled(static_cast<std::size_t>(padded.volume()));
  const auto size = static_cast<std::size_t>(tile_bytes(spec.dtype));
  for (std::size_t tile = 0; tile * 1024 < tiled.size(); ++tile) {
    unpack_tile(spec.dtype, bytes.subspan(tile * size, size), std::span(tiled).subspan(tile * 1024, 1024));
  }
  untilize(spec.logical_shape, padded, tiled, values);
  return values;
}

}  // namespace

HostTensor::HostTensor(TensorSpec spec, std::vector<std::byte> bytes)
    : spec_(spec), bytes_(std::move(bytes)) {
  check(static_cast<std::int64_t>(bytes_.size()) == spec_.packed_bytes(),
        "host tensor: {} bytes for {}: expected {}", bytes_.size(), to_string(spec_), spec_.packed_bytes());
}

HostTensor HostTensor::from_vector(std::span<const float> values, TensorSpec spec) {
  check_spec(spec, values.size());
  if (is_integer(spec.dtype)) {
    std::vector<std::int32_t> ints(values.size());
    std::ranges::transform(values, ints.begin(), [&](float v) { return integer_bits(spec.dtype, v); });
    return HostTensor(spec, pack(as_bits(ints), spec));
  }
  return HostTensor(spec, pack(values, spec));
}

HostTensor HostTensor::from_vector(std::span<const std::int32_t> values, TensorSpec spec) {
  check_spec(spec, values.size());
  check(is_integer(spec.dtype), "[from_vector] integers for {}: use uint32 or int32", to_string(spec.dtype));
  return HostTensor(spec, pack(as_bits(values), spec));
}

std::vector<float> HostTensor::to_vector() const {
  std::vector<float> values = unpack(bytes_, spec_);
  if (is_integer(spec_.dtype)) {
    for (float& value : values) value = integer_value(spec_.dtype, std::bit_cast<std::int32_t>(value));
  }
  return values;
}

std::vector<std::int32_t> HostTensor::to_int_vector() const {
  check(is_integer(spec_.dtype), "[to_int_vector] {}: not an integer tensor", to_string(spec_));
  const std::vector<float> bits = unpack(bytes_, spec_);
  std::vector<std::int32_t> values(bits.size());
  if (!values.empty()) std::memcpy(values.data(), bits.data(), values.size() * 4);
  return values;
}

HostTensor HostTensor::to_layout(Layout layout) const {
  TensorSpec spec = spec_;
  spec.layout = layout;
  check(!is_block_float(spec.dtype) || layout == Layout::TILE,
        "[to_layout] {} to row_major: block-float exists in tiles only: typecast to bfloat16 first",
        to_string(spec.dtype));
  return HostTensor(spec, pack(unpack(bytes_, spec_), spec));
}

HostTensor HostTensor::to_dtype(DataType dtype) const {
  TensorSpec spec = spec_;
  spec.dtype = dtype;
  if (is_integer(dtype) && is_integer(spec_.dtype)) return HostTensor(spec, bytes_);
  return from_vector(to_vector(), spec);
}

}  // namespace tessera
