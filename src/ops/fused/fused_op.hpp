#pragma once
#include "ops/fused/fused.hpp"
#include "ops/operation.hpp"

namespace tessera {

/// Of the fast engine alone.
class FusedOperation : public Operation {
 public:
  void run_ref(Inputs inputs, Outputs outputs) const final;
  void run_exact(Inputs inputs, Outputs outputs) const final;
};

/// Inputs: x, gate, up.
struct GatedLinear final : FusedOperation {
  Activation activation;

  explicit GatedLinear(Activation act) : activation(act) {}
  std::string_view name() const override { return "gated_linear"; }
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override;
  double flops(Inputs inputs, Outputs outputs) const override;
};

/// Inputs: a, b, weight. Outputs: the sum, its norm.
struct AddRmsNorm final : FusedOperation {
  float epsilon;

  explicit AddRmsNorm(float eps) : epsilon(eps) {}
  std::string_view name() const override { return "add_rms_norm"; }
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override;
};

}  // namespace tessera
