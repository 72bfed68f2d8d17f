#include "nn/mlp.hpp"

#include "ops/dispatch.hpp"
#include "ops/eltwise/eltwise.hpp"

namespace tessera::nn {
namespace {

Tensor activated(const Tensor& x, Activation activation) {
  if (activation == Activation::Silu) return silu(x);
  return gelu(x, activation == Activation::GeluTanh);
}

}  // namespace

Tensor Mlp::forward(const Tensor& x) const {
  const ModuleScope scope("mlp");
  const OpOptions in{.compute_kernel_config = fidelity.ff1_ff3}, out{.compute_kernel_config = fidelity.ff2};
  if (!gate_proj) return down_proj.forward(activated(up_proj.forward(x, in), activation), out);
  const Tensor gate = gate_proj->forward(x, in);
  const Tensor up = up_proj.forward(x, in);
  return down_proj.forward(multiply(gate, up, activation), out);
}

}  // namespace tessera::nn
