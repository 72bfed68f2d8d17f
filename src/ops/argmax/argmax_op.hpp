#pragma once
#include "ops/operation.hpp"

namespace tessera {

/// Input: x.
struct Argmax final : MovingOperation {
  int dim;

  explicit Argmax(int d) : dim(d) {}
  std::string_view name() const override { return "argmax"; }
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override;
};

}  // namespace tessera
