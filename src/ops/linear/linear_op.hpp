#pragma once
#include <string>

#include "ops/linear/linear.hpp"

namespace tessera {

/// Inputs: x, weight, bias (may be unallocated).
struct Linear final : Operation {
  Activation activation;
  OpOptions options;

  Linear(Activation act, const OpOptions& opts) : activation(act), options(opts) {}
  std::string_view name() const override { return "linear"; }
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override;
  void run_exact(Inputs inputs, Outputs outputs) const override;
  double flops(Inputs inputs, Outputs outputs) const override;
};

std::string_view to_string(Activation activation);

/// The activation of one value in float32, for the ref engine.
float apply_activation(Activation activation, float x);

}  // namespace tessera
