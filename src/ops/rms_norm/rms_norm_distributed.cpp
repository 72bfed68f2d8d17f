#include <fmt/format.h>

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/rms_norm/rms_norm.hpp"
#include "ops/rms_norm/rms_norm_distributed_op.hpp"

namespace tessera {

namespace {

[[noreturn]] void refuse_exact(std::string_view op) {
  fail_user(
      "[{}] the exact engine has no model of distributed norms: divide with --tensor-parallel replicated, or "
      "use fast or ref",
      op);
}

}  // namespace

void RmsNormPreAllGather::run_exact(Inputs /*in*/, Outputs /*out*/) const {
  refuse_exact(name());
}

void RmsNormPostAllGather::run_exact(Inputs /*in*/, Outputs /*out*/) const {
  refuse_exact(name());
}

void RmsNormPreAllGather::validate(Inputs in) const {
  check_float_rows(name(), in[0]);
  check_output(name(), options);
}

std::vector<OutputSpec> RmsNormPreAllGather::output_specs(Inputs in) const {
  Shape shape = in[0].logical_shape();
  shape[-1] = 1;
  OpOptions stats = options;
  if (!stats.dtype) stats.dtype = DataType::FLOAT32;
  return {like(in[0], shape, stats)};
}

std::string RmsNormPostAllGather::attributes() const {
  return fmt::format("epsilon={:g} width={}", epsilon, width);
}

void RmsNormPostAllGather::validate(Inputs in) const {
  check(epsilon >= 0, "[{}] epsilon {}: give a value >= 0", name(), epsilon);
  check_float_rows(name(), in[0]);
  check_float_rows(name(), in[1]);
  const std::int64_t own = in[0].logical_shape()[-1], chips = in[1].logical_shape()[-1];
  check(in[1].logical_shape().rows() == in[0].logical_shape().rows(),
        "[{}] statistics {} of an input {}: one row for each row expected", name(), to_string(in[1].spec()),
        to_string(in[0].spec()));
  check(width >= 0 && width <= chips * own,
        "[{}] a width of {}: {} chips with {} channels each hold {}: give no more", name(), width, chips, own,
        chips * own);
  check_vectors(name(), in[2], in[3], own);
  check_output(name(), options);
}

std::vector<OutputSpec> RmsNormPostAllGather::output_specs(Inputs in) const {
  return {same_as(in[0], options)};
}

std::int64_t RmsNormPostAllGather::channels(Inputs in) const {
  return width > 0 ? width : in[0].logical_shape()[-1] * in[1].logical_shape()[-1];
}

Tensor rms_norm_pre_all_gather(const Tensor& x, const OpOptions& options) {
  return dispatch(RmsNormPreAllGather(options), {x})[0];
}

Tensor rms_norm_post_all_gather(const Tensor& x, const Tensor& stats, float epsilon,
                                const std::optional<Tensor>& weight, const std::optional<Tensor>& bias,
                                std::int64_t width, const OpOptions& options) {
  return dispatch(RmsNormPostAllGather(epsilon, width, options),
                  {x, stats, weight.value_or(Tensor{}), bias.value_or(Tensor{})})[0];
}

}  // namespace tessera
