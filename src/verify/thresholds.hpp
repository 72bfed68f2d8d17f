#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/precision.hpp"

namespace tessera::verify {

/// What the ladder asks for: PCC by the LLM report of TT-Metalium (modules 0.999, decoder layer 0.998, model
/// 0.99), token agreement by the project's own bars.
struct Thresholds {
  double op = 0.999;
  double module = 0.999;
  double layer = 0.998;
  double model = 0.99;
  double equivalence = 0.9999;  // of ways into the cache that are not equal to the bit
  double top1 = 95.0;           // percent
  double top5 = 99.5;
  double baseline_relative = 1e-3;  // ref against a golden: hidden states, each token; logits, each position
  double baseline_margin = 1e-3;    // a token may differ where the golden's logit margin is below
};

/// The bars of the exact engine: what TT-Transformers' own tests ask of the card with these settings
/// (docs/numbers.md has the source of each). Precisions that it has no preset for (bf16, fp32) keep those
/// above.
Thresholds card_thresholds(const models::Precision& precision);

/// Each by its member's name, as the report states it and set_threshold() takes it.
std::vector<std::pair<std::string, double>> list_thresholds(const Thresholds& thresholds);

/// Another bar from "layer=0.995". Throws UserError for a name that is not there, with those that are, and
/// for a value that nothing could be held against: PCC -1 to 1, percent 0 to 100, tolerances 0 or more.
void set_threshold(Thresholds& thresholds, std::string_view name_and_value);

}  // namespace tessera::verify
