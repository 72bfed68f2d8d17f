#pragma once
// Prefill = decode = chunked = paged: the same tokens by every way into the cache give the same logits and
// KV.
#include <cstdint>
#include <span>
#include <vector>

#include "report/bringup_report.hpp"
#include "verify/session.hpp"

namespace tessera::verify {

/// Runs `ids` (long enough to cross pages and attention blocks) each way on one model. Unused cache rows hold
/// NaN, pages are in random order. A way passes when its logits and KV are equal to plain prefill's, or by
/// metrics::passes at the threshold.
std::vector<report::Equivalence> check_equivalence(const nn::CausalLm& model, int context,
                                                   std::span<const std::int32_t> ids, double threshold);

/// Prompts of different lengths, together and each alone: their greedy tokens must be the same. The result's
/// `what` is "tokens".
report::Equivalence check_batch(const nn::CausalLm& model, int context, std::span<const std::int32_t> text,
                                int users, int tokens);

}  // namespace tessera::verify
