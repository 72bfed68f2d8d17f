#pragma once
#include <cstdint>
#include <string>

#include "ops/operation.hpp"

namespace tessera {

/// Input: x.
struct RmsNormPreAllGather final : Operation {
  OpOptions options;

  explicit RmsNormPreAllGather(const OpOptions& opts) : options(opts) {}
  std::string_view name() const override { return "rms_norm_pre_all_gather"; }
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override;
  [[noreturn]] void run_exact(Inputs inputs, Outputs outputs) const override;
};

/// Inputs: x, stats, weight (may be unallocated), bias (may be unallocated).
struct RmsNormPostAllGather final : Operation {
  float epsilon;
  std::int64_t width;  // 0: all channels of all chips
  OpOptions options;

  RmsNormPostAllGather(float eps, std::int64_t channels, const OpOptions& opts)
      : epsilon(eps), width(channels), options(opts) {}
  std::string_view name() const override { return "rms_norm_post_all_gather"; }
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override;
  [[noreturn]] void run_exact(Inputs inputs, Outputs outputs) const override;

  /// Channels that the mean is taken over.
  std::int64_t channels(Inputs inputs) const;
};

}  // namespace tessera
