#include "ops/exact_norm.hpp"
#include "ops/layer_norm/layer_norm_op.hpp"

namespace tessera {

void LayerNorm::run_exact(Inputs in, Outputs out) const {
  norm_exact(wormhole::layer_norm_row, kernel_config(options, {MathFidelity::HiFi4, false, true, false}),
             epsilon, in, out[0]);
}

}  // namespace tessera
