#include "ops/softmax/softmax.hpp"

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/softmax/softmax_op.hpp"

namespace tessera {

void Softmax::validate(Inputs in) const {
  check_float_rows(name(), in[0]);
  check_last_dim(name(), in[0], dim);
  check_output(name(), options);
}

std::vector<OutputSpec> Softmax::output_specs(Inputs in) const {
  return {same_as(in[0], options)};
}

Tensor softmax(const Tensor& x, int dim, const OpOptions& options) {
  return dispatch(Softmax(dim, options), {x})[0];
}

}  // namespace tessera
