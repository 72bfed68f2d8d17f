#pragma once
#include <string>

#include "ops/operation.hpp"

namespace tessera {

/// Inputs: x, cos, sin.
struct RotaryEmbedding final : Operation {
  bool pairs;  // channels (2i, 2i + 1) instead of (i, i + head_dim / 2)
  bool decode;
  OpOptions options;

  RotaryEmbedding(bool by_pairs, bool is_decode, const OpOptions& opts)
      : pairs(by_pairs), decode(is_decode), options(opts) {}
  std::string_view name() const override { return pairs ? "rotary_embedding_llama" : "rotary_embedding"; }
  std::string attributes() const override { return decode ? "is_decode_mode=true" : ""; }
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override;
  void run_exact(Inputs inputs, Outputs outputs) const override;

  /// The row of cos and sin for row r of x, which has `n` = x's dimension 2: heads or tokens.
  std::int64_t table_row(std::int64_t r, std::int64_t n) const { return decode ? r / n : r % n; }
};

}  // namespace tessera
