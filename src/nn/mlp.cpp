#include "nn/mlp.hpp"

#include "ops/dispatch.hpp"
#include "ops/eltwise/eltwise.hpp"

namespace tessera::nn {

Tensor Mlp::forward(const Tensor& x) const {
  const ModuleScope scope("mlp");
  const Tensor gate = gate_proj.forward(x);
  const Tensor up = up_proj.forward(x);
  return down_proj.forward(multiply(gate, up, activation));
}

}  // namespace tessera::nn
