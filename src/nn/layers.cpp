#include "nn/layers.hpp"

#include <array>
#include <vector>

#include "nn/weight_source.hpp"
#include "ops/ccl/ccl.hpp"
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
  Tensor y = linear(x, weight, bias, Activation::None, options);
  if (!parallel.group) return y;
  const Topology topology = usual_topology(parallel.group->size());
  if (parallel.join == Join::Sum) return all_reduce(y, parallel.group, topology);
  Tensor all = all_gather(y, -1, parallel.group, topology);
  Shape end = all.logical_shape();
  if (end[-1] == parallel.width) return all;
  end[-1] = parallel.width;
  const std::vector<std::int64_t> begin(end.dims().size(), 0);
  return slice(all, begin, end.dims());
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
