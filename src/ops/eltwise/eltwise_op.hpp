#pragma once
#include <string>

#include "ops/eltwise/eltwise.hpp"

namespace tessera {

/// Inputs: a, b; a alone where b is a number.
struct Binary final : Operation {
  enum class Kind : std::uint8_t { Add, Subtract, Multiply };
  Kind kind;
  Activation activation;  // of a, before
  std::optional<float> value;
  OpOptions options;

  Binary(Kind k, Activation act, const OpOptions& opts, std::optional<float> b = {})
      : kind(k), activation(act), value(b), options(opts) {}
  std::string_view name() const override;
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override;
  void run_exact(Inputs inputs, Outputs outputs) const override;
};

/// Inputs: x.
struct Unary final : Operation {
  enum class Kind : std::uint8_t { Silu, Gelu, GeluTanh, Tanh, Sigmoid };
  Kind kind;
  OpOptions options;

  Unary(Kind k, const OpOptions& opts) : kind(k), options(opts) {}
  std::string_view name() const override;
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override;
  void run_exact(Inputs inputs, Outputs outputs) const override;
};

/// How b of a Binary meets a: value by value, one row for every row, or one value.
enum class Broadcast : std::uint8_t { None, Row, Value };
Broadcast broadcast_of(const Tensor& a, const Tensor& b);

}  // namespace tessera
