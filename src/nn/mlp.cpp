#include "nn/mlp.hpp"

#include "ops/dispatch.hpp"
#include "ops/eltwise/eltwise.hpp"

namespace tessera::nn {

Tensor Mlp::forward(const Tensor& x) const {
  const ModuleScope scope("mlp");
  const Tensor gate = gate_proj.forward(x, {.compute_kernel_config = fidelity.ff1_ff3});
  const Tensor up = up_proj.forward(x, {.compute_kernel_config = fidelity.ff1_ff3});
  return down_proj.forward(multiply(gate, up, activation), {.compute_kernel_config = fidelity.ff2});
}

}  // namespace tessera::nn
