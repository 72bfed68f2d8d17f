#pragma once

namespace tessera::verify {

/// What the ladder asks for: PCC by the LLM report of TT-Metalium (modules 0.999, decoder layer 0.998, model
/// 0.99), token agreement by the project's own bars.
struct Thresholds {
  double op = 0.999;
  double module = 0.999;
  double layer = 0.998;
  double model = 0.99;
  double top1 = 95.0;  // percent
  double top5 = 99.5;
  double baseline_relative = 1e-3;  // ref against a golden: hidden states, each token; logits, each position
  double baseline_margin = 1e-3;    // a token may differ where the golden's logit margin is below
};

}  // namespace tessera::verify
