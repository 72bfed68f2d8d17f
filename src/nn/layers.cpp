#include "nn/layers.hpp"

#include "nn/weight_source.hpp"
#include "ops/dispatch.hpp"
#include "ops/embedding/embedding.hpp"

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

}  // namespace tessera::nn
