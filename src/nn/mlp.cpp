#include "nn/mlp.hpp"

#include "ops/dispatch.hpp"
#include "ops/eltwise/eltwise.hpp"
#include "ops/fused/fused.hpp"

namespace tessera::nn {
namespace {

Tensor activated(const Tensor& x, Activation activation) {
  if (activation == Activation::Silu) return silu(x);
  return gelu(x, activation == Activation::GeluTanh);
}

bool is_plain(const Linear& linear) {
  return !linear.bias && !linear.parallel.joins();
}

// As one product each of whose rows is activated and multiplied at once.
bool fuses(const Tensor& x, const Linear& gate, const Linear& up) {
  return may_fuse(x) && is_plain(gate) && is_plain(up) &&
         is_block_float(gate.weight.dtype()) == is_block_float(up.weight.dtype());
}

}  // namespace

Tensor Mlp::forward(const Tensor& x) const {
  const ModuleScope scope("mlp");
  const OpOptions in{.compute_kernel_config = fidelity.ff1_ff3}, out{.compute_kernel_config = fidelity.ff2};
  if (!gate_proj) return down_proj.forward(activated(up_proj.forward(x, in), activation), out);
  if (fuses(x, *gate_proj, up_proj))
    return down_proj.forward(gated_linear(x, gate_proj->weight, up_proj.weight, activation), out);
  const Tensor gate = gate_proj->forward(x, in);
  const Tensor up = up_proj.forward(x, in);
  return down_proj.forward(multiply(gate, up, activation), out);
}

}  // namespace tessera::nn
