#include "ops/rms_norm/rms_norm.hpp"

#include <fmt/format.h>

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/rms_norm/rms_norm_op.hpp"

namespace tessera {

std::string RmsNorm::attributes() const {
  return fmt::format("epsilon={:g}", epsilon);
}

void RmsNorm::validate(Inputs in) const {
  check(epsilon >= 0, "[rms_norm] epsilon {}: give a value >= 0", epsilon);
  check_float_rows(name(), in[0]);
  check_vectors(name(), in[1], in[2], in[0].logical_shape()[-1]);
  check_output(name(), options);
}

std::vector<OutputSpec> RmsNorm::output_specs(Inputs in) const {
  return {same_as(in[0], options)};
}

Tensor rms_norm(const Tensor& x, float epsilon, const std::optional<Tensor>& weight,
                const std::optional<Tensor>& bias, const OpOptions& options) {
  return dispatch(RmsNorm(epsilon, options), {x, weight.value_or(Tensor{}), bias.value_or(Tensor{})})[0];
}

}  // namespace tessera
