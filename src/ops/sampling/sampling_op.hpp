#pragma once
#include <vector>

#include "ops/sampling/sampling.hpp"

namespace tessera {

/// Inputs: values, indices. The arithmetic is the host's, the same on both engines.
struct Sampling final : MovingOperation {
  std::vector<SamplingParams> params;  // one a user
  std::vector<std::int64_t> steps;     // one a user

  Sampling(std::span<const SamplingParams> user_params, std::span<const std::int64_t> user_steps)
      : params(user_params.begin(), user_params.end()), steps(user_steps.begin(), user_steps.end()) {}
  std::string_view name() const override { return "sampling"; }
  bool is_replayable() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override { run_ref(inputs, outputs); }
};

/// The place of the drawn candidate among `logits` (largest first). Depends on its arguments only.
std::size_t draw(std::span<const float> logits, const SamplingParams& params, std::int64_t step);

}  // namespace tessera
