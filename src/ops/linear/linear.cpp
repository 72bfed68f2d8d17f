#include "ops/linear/linear.hpp"

#include <cmath>

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/linear/linear_op.hpp"

namespace tessera {

std::string_view to_string(Activation activation) {
  switch (activation) {
    case Activation::Silu:
      return "silu";
    case Activation::Gelu:
      return "gelu";
    case Activation::GeluTanh:
      return "gelu_tanh";
    case Activation::None:
      break;
  }
  return "none";
}

float apply_activation(Activation activation, float x) {
  switch (activation) {
    case Activation::Silu:
      return x / (1.0f + std::exp(-x));
    case Activation::Gelu:
      return 0.5f * x * (1.0f + std::erf(x * 0.70710678f));
    case Activation::GeluTanh:
      // Hendrycks and Gimpel 2016: sqrt(2/pi) (x + 0.044715 x^3).
      return 0.5f * x * (1.0f + std::tanh(0.79788456f * (x + 0.044715f * x * x * x)));
    case Activation::None:
      break;
  }
  return x;
}

std::string Linear::attributes() const {
  return activation == Activation::None ? "" : fmt::format("activation={}", to_string(activation));
}

void Linear::validate(Inputs in) const {
  check_float_rows(name(), in[0]);
  const Tensor& weight = in[1];
  check(weight.is_allocated() && !is_integer(weight.dtype()) && weight.logical_shape().rank() >= 2 &&
            weight.logical_shape().volume() == weight.logical_shape()[-1] * weight.logical_shape()[-2],
        "[linear] weight {}: one float matrix [K, N] expected", to_string(weight.spec()));
  check(weight.form() != Form::RowsBfp8,
        "[linear] weight {} interleaved: place block-float weights DRAM width-sharded",
        to_string(weight.spec()));
  check(in[0].logical_shape()[-1] == weight.logical_shape()[-2],
        "[linear] input {} and weight {}: the input's last dimension must be the weight's first",
        to_string(in[0].spec()), to_string(weight.spec()));
  check_vectors(name(), {}, in[2], weight.logical_shape()[-1]);
  check_output(name(), options);
}

std::vector<OutputSpec> Linear::output_specs(Inputs in) const {
  Shape shape = in[0].logical_shape();
  shape[-1] = in[1].logical_shape()[-1];
  return {like(in[0], shape, options)};
}

double Linear::flops(Inputs in, Outputs) const {
  return 2.0 * static_cast<double>(in[0].logical_shape().volume()) *
         static_cast<double>(in[1].logical_shape()[-1]);
}

Tensor linear(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias, Activation activation,
              const OpOptions& options) {
  return dispatch(Linear(activation, options), {x, weight, bias.value_or(Tensor{})})[0];
}

}  // namespace tessera
