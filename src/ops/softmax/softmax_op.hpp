#pragma once
#include "ops/operation.hpp"

namespace tessera {

/// Input: x.
struct Softmax final : Operation {
  int dim;
  OpOptions options;

  Softmax(int d, const OpOptions& opts) : dim(d), options(opts) {}
  std::string_view name() const override { return "softmax"; }
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override;
  void run_exact(Inputs inputs, Outputs outputs) const override;
};

}  // namespace tessera
