#pragma once
// A text's logits on one model against the reference's.
#include <cstdint>
#include <span>
#include <vector>

#include "nn/causal_lm.hpp"

namespace tessera::verify {

/// Over the tokens of a text; the reference is the model in float32.
struct Score {
  int tokens = 0;
  double kl = 0;              // nats, mean over the tokens
  double top1 = 0, top5 = 0;  // per cent: the same token; among the reference's best five
  double perplexity = 0;      // of the text's own next tokens
  double pcc = 0;             // of all logits
};

/// Logits [ids, vocab] after each token, in one prefill without a trace.
std::vector<float> text_logits(const nn::CausalLm& model, std::span<const std::int32_t> ids);

/// The same by decode, one token at a time.
std::vector<float> decode_logits(const nn::CausalLm& model, std::span<const std::int32_t> ids);

/// exp of the mean of -ln p(next token) over all tokens but the last; at least two tokens.
double text_perplexity(std::span<const float> logits, std::span<const std::int32_t> ids);

/// `reference` and `device`: [ids, vocab].
Score score(std::span<const float> reference, std::span<const float> device,
            std::span<const std::int32_t> ids);

}  // namespace tessera::verify
