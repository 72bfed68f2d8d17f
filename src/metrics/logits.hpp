#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace tessera::metrics {

/// Index of the largest value, the first of equals; NaN never wins.
std::int32_t argmax(std::span<const float> logits);

/// Indices of the k largest values, largest first, the lower index first of equals, NaN last.
std::vector<std::int32_t> topk(std::span<const float> logits, std::size_t k);

/// ln of the sum of exp, in double and without overflow. The span is not empty.
double logsumexp(std::span<const float> logits);

/// KL(softmax(reference) || softmax(device)) in nats, in double. -inf is a masked token. Infinity when either
/// side has a NaN or +inf, or the device masks what the reference allows. UserError when empty or unequal in
/// size.
double softmax_kl(std::span<const float> reference, std::span<const float> device);

/// One position of a token comparison.
struct TokenAgreement {
  std::int32_t reference = 0, device = 0;  // the argmax of each
  bool top1 = false;                       // they are the same
  bool top5 = false;                       // the device's token is among the reference's top five
  double kl = 0;
  double margin = 0;  // the reference's logit of its token minus its logit of the device's token
};

/// `agree` of one position's logits; a device whose logits are not all numbers agrees with nothing.
TokenAgreement agree(std::span<const float> reference, std::span<const float> device);

}  // namespace tessera::metrics
