#pragma once
#include <string>

#include "ops/operation.hpp"

namespace tessera {

/// Input: x. Outputs: values, indices.
struct Topk final : MovingOperation {
  int k;

  explicit Topk(int count) : k(count) {}
  std::string_view name() const override { return "topk"; }
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override;
};

}  // namespace tessera
