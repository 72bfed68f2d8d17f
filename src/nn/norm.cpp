#include "nn/norm.hpp"

#include "ops/dispatch.hpp"
#include "ops/layer_norm/layer_norm.hpp"
#include "ops/rms_norm/rms_norm.hpp"

namespace tessera::nn {

Tensor Norm::forward(const Tensor& x) const {
  const ModuleScope scope(name);
  const OpOptions options{.compute_kernel_config = fidelity};
  if (kind == io::NormKind::Layer) return layer_norm(x, epsilon, weight, bias, options);
  if (parallel.group) return distributed_rms_norm(x, epsilon, weight, parallel);
  return rms_norm(x, epsilon, weight, bias, options);
}

}  // namespace tessera::nn
