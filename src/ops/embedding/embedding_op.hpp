#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <optional>

#include "ops/operation.hpp"

namespace tessera {

/// Inputs: ids, weight. Both engines copy rows.
struct Embedding final : MovingOperation {
  OpOptions options;
  std::optional<std::int32_t> pad_token;

  Embedding(const OpOptions& opts, std::optional<std::int32_t> pad) : options(opts), pad_token(pad) {}
  std::string_view name() const override { return "embedding"; }
  std::string attributes() const override { return pad_token ? fmt::format("pad_token={}", *pad_token) : ""; }
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override { run_ref(inputs, outputs); }
};

}  // namespace tessera
