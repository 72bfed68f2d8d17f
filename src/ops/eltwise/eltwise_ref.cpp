#include <cmath>

#include "ops/eltwise/eltwise_op.hpp"
#include "ops/linear/linear_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

namespace tessera {
namespace {

float combine(Binary::Kind kind, float a, float b) {
  switch (kind) {
    case Binary::Kind::Add:
      return a + b;
    case Binary::Kind::Subtract:
      return a - b;
    case Binary::Kind::Multiply:
      break;
  }
  return a * b;
}

float apply(Unary::Kind kind, float x) {
  switch (kind) {
    case Unary::Kind::Silu:
      return apply_activation(Activation::Silu, x);
    case Unary::Kind::Gelu:
      return apply_activation(Activation::Gelu, x);
    case Unary::Kind::GeluTanh:
      return apply_activation(Activation::GeluTanh, x);
    case Unary::Kind::Sigmoid:
      return 1.0f / (1.0f + std::exp(-x));
    case Unary::Kind::Tanh:
      break;
  }
  return std::tanh(x);
}

}  // namespace

void Binary::run_ref(Inputs in, Outputs out) const {
  const float* a = in[0].data<float>();
  const float* b = value ? &*value : in[1].data<float>();
  float* y = out[0].data<float>();
  const std::int64_t period = value ? 1 : in[1].logical_shape().volume();
  parallel_for(in[0].logical_shape().volume(), row_grain(1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      y[i] = combine(kind, apply_activation(activation, a[i]), b[i % period]);
    }
  });
}

void Unary::run_ref(Inputs in, Outputs out) const {
  const float* x = in[0].data<float>();
  float* y = out[0].data<float>();
  parallel_for(in[0].logical_shape().volume(), row_grain(1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] = apply(kind, x[i]);
  });
}

}  // namespace tessera
