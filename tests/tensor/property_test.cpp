// Round trips for any shape: what goes in comes out, rounded as the dtype holds it, whatever is padded.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "tensor/bfloat16.hpp"
#include "tensor/block_float.hpp"
#include "tensor/host_tensor.hpp"
#include "util/rng.hpp"

namespace tessera::test {
namespace {

Shape some_shape() {
  const auto rank = *rc::gen::inRange(1, 5);
  std::vector<std::int64_t> dims;
  for (int i = 0; i < rank; ++i) dims.push_back(*rc::gen::inRange<std::int64_t>(1, i + 2 < rank ? 4 : 71));
  return Shape(dims);
}

DataType some_float_dtype() {
  return *rc::gen::element(DataType::FLOAT32, DataType::BFLOAT16, DataType::BFLOAT8_B, DataType::BFLOAT4_B);
}

std::vector<float> some_values(const Shape& shape) {
  Rng rng(*rc::gen::arbitrary<std::uint64_t>());
  std::vector<float> values(static_cast<std::size_t>(shape.volume()));
  for (float& v : values) v = rng.heavy_tailed();
  return values;
}

// As the dtype holds them: block-float groups run along a row.
std::vector<float> rounded(std::vector<float> values, const Shape& shape, DataType dtype) {
  if (dtype == DataType::BFLOAT16) std::ranges::transform(values, values.begin(), round_to_bf16);
  const auto cols = static_cast<std::size_t>(shape[-1]);
  for (std::size_t at = 0; is_block_float(dtype) && at < values.size(); at += cols) {
    round_to_block_float(dtype, std::span(values).subspan(at, cols));
  }
  return values;
}

RC_GTEST_PROP(HostTensorProperty, ValuesComeBackRounded, ()) {
  const Shape shape = some_shape();
  const DataType dtype = some_float_dtype();
  const std::vector<float> values = some_values(shape);
  const HostTensor tensor = HostTensor::from_vector(values, {shape, dtype, Layout::TILE});
  RC_ASSERT(tensor.to_vector() == rounded(values, shape, dtype));
}

RC_GTEST_PROP(HostTensorProperty, PackingAgainGivesTheSameBytes, ()) {
  const Shape shape = some_shape();
  const TensorSpec spec{shape, some_float_dtype(), Layout::TILE};
  const HostTensor once = HostTensor::from_vector(some_values(shape), spec);
  const HostTensor twice = HostTensor::from_vector(once.to_vector(), spec);
  RC_ASSERT(std::ranges::equal(once.bytes(), twice.bytes()));
}

RC_GTEST_PROP(HostTensorProperty, LayoutsHoldTheSame, ()) {
  const Shape shape = some_shape();
  const DataType dtype = *rc::gen::element(DataType::FLOAT32, DataType::BFLOAT16, DataType::INT32);
  const HostTensor rows = HostTensor::from_vector(some_values(shape), {shape, dtype, Layout::ROW_MAJOR});
  const HostTensor tiles = rows.to_layout(Layout::TILE);
  RC_ASSERT(tiles.to_vector() == rows.to_vector());
  RC_ASSERT(std::ranges::equal(tiles.to_layout(Layout::ROW_MAJOR).bytes(), rows.bytes()));
}

RC_GTEST_PROP(SpecProperty, WholeTilesAndNoMore, ()) {
  const Shape shape = some_shape();
  const DataType dtype = some_float_dtype();
  const TensorSpec spec{shape, dtype, Layout::TILE};
  const Shape padded = spec.padded_shape();
  const std::int64_t rows = shape.rank() > 1 ? shape[-2] : 1;
  RC_ASSERT(padded[-1] % 32 == 0 && padded[-2] % 32 == 0);
  RC_ASSERT(padded[-1] - shape[-1] >= 0 && padded[-1] - shape[-1] < 32);
  RC_ASSERT(padded[-2] - rows >= 0 && padded[-2] - rows < 32);
  RC_ASSERT(spec.packed_bytes() == padded.volume() / 1024 * tile_bytes(dtype));
}

}  // namespace
}  // namespace tessera::test
