#include "ops/exact_norm.hpp"
#include "ops/rms_norm/rms_norm_op.hpp"

namespace tessera {

void RmsNorm::run_exact(Inputs in, Outputs out) const {
  norm_exact(wormhole::rms_norm_row, kernel_config(options, {MathFidelity::HiFi4, true, false, false}),
             epsilon, in, out[0]);
}

}  // namespace tessera
