#pragma once
// A forced text through one model: every layer's hidden states and every position's logits.
#include <cstdint>
#include <span>
#include <vector>

#include "nn/causal_lm.hpp"

namespace tessera::verify {

constexpr std::size_t kForcedTokens = 400;

struct ForcedRun {
  std::vector<std::int32_t> ids;
  std::vector<std::vector<float>> layers;  // [rows][hidden], by layer
  std::vector<double> layer_ms;            // of each layer's ops, all rows
  std::vector<float> embedding, final_norm;
  std::vector<float> logits;  // [rows][vocab]
  std::size_t vocab = 0;
  double ms = 0;  // of the whole run, recording included

  std::span<const float> row(std::size_t i) const { return std::span(logits).subspan(i * vocab, vocab); }
};

/// In one prefill.
ForcedRun forced_prefill(const nn::CausalLm& model, std::vector<std::int32_t> ids, int context);
/// Token by token.
ForcedRun forced_decode(const nn::CausalLm& model, std::vector<std::int32_t> ids, int context);

}  // namespace tessera::verify
