#include "nn/layers.hpp"

#include "nn/weight_source.hpp"
#include "ops/dispatch.hpp"
#include "ops/embedding/embedding.hpp"
#include "ops/rms_norm/rms_norm.hpp"

namespace tessera::nn {

TensorSpec WeightRequest::spec() const {
  switch (kind) {
    case Kind::Matrix:
      return {Shape{cols, rows()}, dtype, Layout::TILE};
    case Kind::Rows:
      return {Shape{rows(), cols}, dtype, Layout::ROW_MAJOR};
    case Kind::Vector:
      break;
  }
  return {Shape{rows()}, dtype, Layout::ROW_MAJOR};
}

MemoryConfig WeightRequest::memory_config() const {
  return kind == Kind::Matrix ? DRAM_WIDTH_SHARDED : DRAM_MEMORY_CONFIG;
}

Tensor Linear::forward(const Tensor& x, const OpOptions& options) const {
  const ModuleScope scope(name);
  return linear(x, weight, bias, Activation::None, options);
}

Tensor RmsNorm::forward(const Tensor& x) const {
  const ModuleScope scope(name);
  return rms_norm(x, epsilon, weight);
}

Tensor Embedding::forward(const Tensor& ids) const {
  const ModuleScope scope(name);
  return embedding(ids, weight, {.dtype = activation});
}

}  // namespace tessera::nn
