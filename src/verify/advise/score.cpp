#include "verify/advise/score.hpp"

#include <cmath>

#include "generate/generator.hpp"
#include "metrics/compare.hpp"
#include "metrics/logits.hpp"

namespace tessera::verify {

std::vector<float> text_logits(const nn::CausalLm& model, std::span<const std::int32_t> ids) {
  generate::Generator generator(model, {.users = 1, .context = static_cast<int>(ids.size()), .trace = false});
  return model.logits(generator.prefill_hidden(ids)).to_vector();
}

std::vector<float> decode_logits(const nn::CausalLm& model, std::span<const std::int32_t> ids) {
  generate::Generator generator(model, {.users = 1, .context = static_cast<int>(ids.size()), .trace = false});
  std::vector<float> all;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto position = static_cast<std::int32_t>(i);
    const std::vector<float> row = generator.decode(ids.subspan(i, 1), std::span(&position, 1)).to_vector();
    all.insert(all.end(), row.begin(), row.end());
  }
  return all;
}

double text_perplexity(std::span<const float> logits, std::span<const std::int32_t> ids) {
  const std::size_t vocab = logits.size() / ids.size();
  double sum = 0;
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
    const auto row = logits.subspan(i * vocab, vocab);
    sum += metrics::logsumexp(row) - double{row[static_cast<std::size_t>(ids[i + 1])]};
  }
  return std::exp(sum / static_cast<double>(ids.size() - 1));
}

Score score(std::span<const float> reference, std::span<const float> device,
            std::span<const std::int32_t> ids) {
  const std::size_t vocab = reference.size() / ids.size();
  const auto n = static_cast<double>(ids.size());
  Score result;
  result.tokens = static_cast<int>(ids.size());
  int same = 0, among = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const metrics::TokenAgreement token =
        metrics::agree(reference.subspan(i * vocab, vocab), device.subspan(i * vocab, vocab));
    result.kl += token.kl / n;
    same += token.top1 ? 1 : 0;
    among += token.top5 ? 1 : 0;
  }
  result.top1 = 100 * same / n;
  result.top5 = 100 * among / n;
  result.perplexity = text_perplexity(device, ids);
  result.pcc = metrics::compare(reference, device).pcc;
  return result;
}

}  // namespace tessera::verify
