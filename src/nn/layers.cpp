#include "nn/layers.hpp"

#include <array>
#include <vector>

#include "nn/weight_source.hpp"
#include "ops/dispatch.hpp"
#include "ops/embedding/embedding.hpp"
#include "ops/reshape/reshape.hpp"
#include "ops/slice/slice.hpp"

namespace tessera::nn {

std::int64_t taken(const std::vector<Range>& ranges, std::int64_t size) {
  if (ranges.empty()) return size;
  std::int64_t n = 0;
  for (const Range& range : ranges) n += range.count;
  return n;
}

std::int64_t WeightRequest::result_rows() const {
  std::int64_t n = 0;
  for (const auto& part : parts) n += taken(part.ranges, part.rows);
  return n;
}

TensorSpec WeightRequest::spec() const {
  switch (kind) {
    case Kind::Matrix:
      return {Shape{result_cols(), result_rows()}, dtype, Layout::TILE};
    case Kind::Rows:
      return {Shape{result_rows(), result_cols()}, dtype, Layout::ROW_MAJOR};
    case Kind::Vector:
      break;
  }
  return {Shape{result_rows()}, dtype, Layout::ROW_MAJOR};
}

MemoryConfig WeightRequest::memory_config() const {
  return kind == Kind::Matrix ? DRAM_WIDTH_SHARDED : DRAM_MEMORY_CONFIG;
}

Tensor Linear::forward(const Tensor& x, const OpOptions& options) const {
  const ModuleScope scope(name);
  return parallel.join(linear(x, weight, bias, Activation::None, options));
}

Tensor Embedding::forward(const Tensor& ids) const {
  const ModuleScope scope(name);
  return embedding(ids, weight, {.dtype = activation});
}

Tensor PositionTable::gather(const Tensor& positions) const {
  constexpr std::int32_t kIdle = -1;
  const ModuleScope scope("embed_positions");
  return embedding(positions, weight, {}, kIdle);
}

Tensor PositionTable::range(std::int64_t first, std::int64_t count) const {
  const ModuleScope scope("embed_positions");
  const std::int64_t dim = weight.logical_shape()[-1];
  const std::array<std::int64_t, 2> begin{first, 0}, end{first + count, dim};
  return reshape(slice(weight, begin, end), {1, 1, count, dim});
}

}  // namespace tessera::nn
