#include "ops/eltwise/eltwise.hpp"

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/eltwise/eltwise_op.hpp"
#include "ops/linear/linear_op.hpp"

namespace tessera {

Broadcast broadcast_of(const Tensor& a, const Tensor& b) {
  const std::int64_t size = b.logical_shape().volume();
  if (size == a.logical_shape().volume()) return Broadcast::None;
  return size == 1 ? Broadcast::Value : Broadcast::Row;
}

std::string_view Binary::name() const {
  switch (kind) {
    case Kind::Add:
      return "add";
    case Kind::Subtract:
      return "subtract";
    case Kind::Multiply:
      break;
  }
  return "multiply";
}

std::string Binary::attributes() const {
  if (value) return fmt::format("value={:g}", *value);
  if (activation == Activation::None) return {};
  return fmt::format("input_tensor_a_activation={}", to_string(activation));
}

void Binary::validate(Inputs in) const {
  check_float_rows(name(), in[0]);
  check_output(name(), options);
  if (value) return;
  check_float_rows(name(), in[1]);
  const Shape& a = in[0].logical_shape();
  const Shape& b = in[1].logical_shape();
  const bool row = b.volume() == a[-1] && b[-1] == a[-1];
  check(a == b || row || b.volume() == 1,
        "[{}] inputs {} and {}: the second must have the first's shape, be one row of it, or one value",
        name(), to_string(in[0].spec()), to_string(in[1].spec()));
}

std::vector<OutputSpec> Binary::output_specs(Inputs in) const {
  return {same_as(in[0], options)};
}

std::string_view Unary::name() const {
  if (kind == Kind::Tanh) return "tanh";
  if (kind == Kind::Sigmoid) return "sigmoid";
  return kind == Kind::Silu ? "silu" : "gelu";
}

std::string Unary::attributes() const {
  return kind == Kind::GeluTanh ? "fast_and_approximate_mode=true" : "";
}

void Unary::validate(Inputs in) const {
  check_float_rows(name(), in[0]);
  check_output(name(), options);
}

std::vector<OutputSpec> Unary::output_specs(Inputs in) const {
  return {same_as(in[0], options)};
}

Tensor add(const Tensor& a, const Tensor& b, Activation input_tensor_a_activation, const OpOptions& options) {
  return dispatch(Binary(Binary::Kind::Add, input_tensor_a_activation, options), {a, b})[0];
}

Tensor subtract(const Tensor& a, const Tensor& b, Activation input_tensor_a_activation,
                const OpOptions& options) {
  return dispatch(Binary(Binary::Kind::Subtract, input_tensor_a_activation, options), {a, b})[0];
}

Tensor multiply(const Tensor& a, const Tensor& b, Activation input_tensor_a_activation,
                const OpOptions& options) {
  return dispatch(Binary(Binary::Kind::Multiply, input_tensor_a_activation, options), {a, b})[0];
}

Tensor multiply(const Tensor& a, float b, const OpOptions& options) {
  return dispatch(Binary(Binary::Kind::Multiply, Activation::None, options, b), {a})[0];
}

Tensor tanh(const Tensor& x, const OpOptions& options) {
  return dispatch(Unary(Unary::Kind::Tanh, options), {x})[0];
}

Tensor sigmoid(const Tensor& x, const OpOptions& options) {
  return dispatch(Unary(Unary::Kind::Sigmoid, options), {x})[0];
}

Tensor silu(const Tensor& x, const OpOptions& options) {
  return dispatch(Unary(Unary::Kind::Silu, options), {x})[0];
}

Tensor gelu(const Tensor& x, bool fast_and_approximate_mode, const OpOptions& options) {
  const auto kind = fast_and_approximate_mode ? Unary::Kind::GeluTanh : Unary::Kind::Gelu;
  return dispatch(Unary(kind, options), {x})[0];
}

}  // namespace tessera
