#include "ops/layer_norm/layer_norm.hpp"

#include <fmt/format.h>

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/layer_norm/layer_norm_op.hpp"

namespace tessera {

std::string LayerNorm::attributes() const {
  return fmt::format("epsilon={:g}", epsilon);
}

void LayerNorm::validate(Inputs in) const {
  check(epsilon >= 0, "[layer_norm] epsilon {}: give a value >= 0", epsilon);
  check_float_rows(name(), in[0]);
  check_vectors(name(), in[1], in[2], in[0].logical_shape()[-1]);
  check_output(name(), options);
}

std::vector<OutputSpec> LayerNorm::output_specs(Inputs in) const {
  return {same_as(in[0], options)};
}

Tensor layer_norm(const Tensor& x, float epsilon, const std::optional<Tensor>& weight,
                  const std::optional<Tensor>& bias, const OpOptions& options) {
  return dispatch(LayerNorm(epsilon, options), {x, weight.value_or(Tensor{}), bias.value_or(Tensor{})})[0];
}

}  // namespace tessera
