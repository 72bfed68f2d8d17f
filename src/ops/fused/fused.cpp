#include "ops/fused/fused.hpp"

#include <array>
#include <utility>

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/eltwise/eltwise_op.hpp"
#include "ops/fused/fused_op.hpp"
#include "ops/linear/linear_op.hpp"
#include "ops/rms_norm/rms_norm_op.hpp"

namespace tessera {
namespace {

thread_local int t_separate = 0;

}  // namespace

bool may_fuse(const Tensor& x) {
  const Device& device = x.device();
  return t_separate == 0 && !is_observed() && device.engine() == Engine::Fast && device.sheet().name == "cpu";
}

SeparateScope::SeparateScope() {
  ++t_separate;
}
SeparateScope::~SeparateScope() {
  --t_separate;
}

void FusedOperation::run_ref(Inputs, Outputs) const {
  fail_system("[{}] on another engine than fast: call the ops that it stands for", name());
}
void FusedOperation::run_exact(Inputs in, Outputs out) const {
  run_ref(in, out);
}

std::string GatedLinear::attributes() const {
  return fmt::format("activation={}", to_string(activation));
}

void GatedLinear::validate(Inputs in) const {
  const Linear part(Activation::None, {});
  for (std::size_t i : {1, 2}) part.validate(std::array{in[0], in[i], Tensor{}});
  check(in[1].logical_shape() == in[2].logical_shape() &&
            is_block_float(in[1].dtype()) == is_block_float(in[2].dtype()),
        "[gated_linear] gate {} and up {}: one shape, and both block-float or both not",
        to_string(in[1].spec()), to_string(in[2].spec()));
}

std::vector<OutputSpec> GatedLinear::output_specs(Inputs in) const {
  return Linear(Activation::None, {}).output_specs(in);
}

double GatedLinear::flops(Inputs in, Outputs out) const {
  return 2 * Linear(Activation::None, {}).flops(in, out);
}

Tensor gated_linear(const Tensor& x, const Tensor& gate, const Tensor& up, Activation activation) {
  return dispatch(GatedLinear(activation), {x, gate, up})[0];
}

std::string AddRmsNorm::attributes() const {
  return RmsNorm(epsilon, {}).attributes();
}

void AddRmsNorm::validate(Inputs in) const {
  Binary(Binary::Kind::Add, Activation::None, {}).validate(in.first(2));
  check(in[0].logical_shape() == in[1].logical_shape(), "[add_rms_norm] inputs {} and {}: one shape expected",
        to_string(in[0].spec()), to_string(in[1].spec()));
  RmsNorm(epsilon, {}).validate(std::array{in[0], in[2], Tensor{}});
}

std::vector<OutputSpec> AddRmsNorm::output_specs(Inputs in) const {
  return {same_as(in[0], {}), same_as(in[0], {})};
}

std::pair<Tensor, Tensor> add_rms_norm(const Tensor& a, const Tensor& b, float epsilon,
                                       const Tensor& weight) {
  std::vector<Tensor> outputs = dispatch(AddRmsNorm(epsilon), {a, b, weight});
  return {std::move(outputs[0]), std::move(outputs[1])};
}

}  // namespace tessera
