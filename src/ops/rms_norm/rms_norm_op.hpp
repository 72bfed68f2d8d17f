#pragma once
#include <string>

#include "ops/operation.hpp"

namespace tessera {

/// Inputs: x, weight (may be unallocated), bias (may be unallocated).
struct RmsNorm final : Operation {
  float epsilon;
  OpOptions options;

  RmsNorm(float eps, const OpOptions& opts) : epsilon(eps), options(opts) {}
  std::string_view name() const override { return "rms_norm"; }
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override;
  void run_exact(Inputs inputs, Outputs outputs) const override;
};

}  // namespace tessera
