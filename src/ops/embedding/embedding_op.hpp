#pragma once
#include "ops/operation.hpp"

namespace tessera {

/// Inputs: ids, weight. Both engines copy rows.
struct Embedding final : MovingOperation {
  OpOptions options;

  explicit Embedding(const OpOptions& opts) : options(opts) {}
  std::string_view name() const override { return "embedding"; }
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override { run_ref(inputs, outputs); }
};

}  // namespace tessera
