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
  if (!gate_proj) return down_proj.forward(activated(up_proj.forward(x), activation));
  const Tensor gate = gate_proj->forward(x);
  const Tensor up = up_proj.forward(x);
  return down_proj.forward(multiply(gate, up, activation));
}

}  // namespace tessera::nn
