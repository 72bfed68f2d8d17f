#include "verify/tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "generate/generate_text.hpp"
#include "metrics/logits.hpp"
#include "metrics/similarity.hpp"

namespace tessera::verify {

std::vector<std::int32_t> greedy(const nn::CausalLm& model, int context, std::span<const std::int32_t> prompt,
                                 int n, std::span<const int> stop_ids, bool by_decode) {
  generate::Generator generator(model, {.users = 1, .context = context});
  Tensor logits = by_decode ? generator.prefill_by_decode(prompt) : generator.prefill(prompt);
  std::vector<std::int32_t> tokens;
  auto position = static_cast<std::int32_t>(prompt.size());
  while (static_cast<int>(tokens.size()) < n && position < context) {
    const std::int32_t token = metrics::argmax(logits.to_vector());
    if (std::ranges::find(stop_ids, token) != stop_ids.end()) break;
    tokens.push_back(token);
    logits = generator.decode(std::span(&token, 1), std::span(&position, 1));
    ++position;
  }
  return tokens;
}

report::Generation compare_texts(const Session& s, const std::string& prompt, bool chat, int n,
                                 bool by_decode) {
  report::Generation g;
  g.prompt = prompt;
  g.chat = chat;
  const auto ids = generate::encode_prompt(*s.tokenizer, s.files, prompt, !chat);
  const std::span<const int> stop = s.config().eos_token_ids;
  g.mode = by_decode ? "decode" : "prefill";
  g.reference_tokens = greedy(*s.reference, s.context, ids, n, stop, by_decode);
  g.tokens = greedy(*s.model, s.context, ids, n, stop, by_decode);
  return compared(s, std::move(g));
}

report::Generation compared(const Session& s, report::Generation g) {
  g.reference_text = s.tokenizer->decode(g.reference_tokens);
  g.text = s.tokenizer->decode(g.tokens);
  g.first_divergence = metrics::first_divergence(g.reference_tokens, g.tokens);
  g.similarity = metrics::text_similarity(g.reference_text, g.text);
  g.garbage = garbage_of(g);
  return g;
}

std::string garbage_of(const report::Generation& g) {
  const auto device = metrics::text_defect(g.text, g.tokens);
  const auto reference = metrics::text_defect(g.reference_text, g.reference_tokens);
  return device.kind == reference.kind ? "" : device.text;
}

std::string describe_agreement(const report::Generation& g) {
  if (g.first_divergence < 0) return "equal to the reference's";
  return fmt::format("unlike the reference's from token {} on, similarity {:.2f}", g.first_divergence,
                     g.similarity);
}

void LogitsComparison::add(std::span<const float> reference, std::span<const float> device) {
  const metrics::TokenAgreement a = metrics::agree(reference, device);
  report::TokenResult result;
  result.reference = a.reference;
  result.device = a.device;
  result.top1 = a.top1;
  result.top5 = a.top5;
  result.kl = a.kl;
  result.margin = a.margin;
  result.text = session_.tokenizer->decode(std::span(&a.reference, 1), false);
  result.device_text = session_.tokenizer->decode(std::span(&a.device, 1), false);
  accuracy_.positions.push_back(std::move(result));
  reference_.insert(reference_.end(), reference.begin(), reference.end());
  device_.insert(device_.end(), device.begin(), device.end());
}

report::Accuracy LogitsComparison::finish(double ms) const {
  report::Accuracy a = accuracy_;
  a.ms = ms;
  const auto n = static_cast<double>(a.positions.size());
  a.tokens = static_cast<int>(a.positions.size());
  if (a.tokens == 0) return a;
  double top1 = 0, top5 = 0;
  for (const auto& position : a.positions) {
    top1 += position.top1 ? 1 : 0;
    top5 += position.top5 ? 1 : 0;
    a.kl_mean += position.kl / n;
    a.kl_max = std::max(a.kl_max, position.kl);
  }
  a.top1 = 100 * top1 / n;
  a.top5 = 100 * top5 / n;
  const metrics::Comparison logits = metrics::compare(reference_, device_);
  const Thresholds& needs = session_.thresholds;
  a.final_pcc = logits.pcc;
  a.max_abs = logits.max_abs;
  a.rel_l2 = logits.rel_l2;
  a.note = logits.remark();
  a.logits_pass = metrics::passes(logits, needs.model);
  a.pass = a.logits_pass && a.top1 >= needs.top1 && a.top5 >= needs.top5;
  return a;
}

std::string describe(const report::Accuracy& a) {
  return fmt::format("top-1 {:.1f} %, top-5 {:.1f} % over {} {} tokens, KL {:.5f}, logits PCC {:.6f}", a.top1,
                     a.top5, a.tokens, a.text, a.kl_mean, a.final_pcc);
}

std::string describe_logits(const report::Accuracy& a, double threshold) {
  return fmt::format("logits PCC {:.6f}, needs {}{}{}", a.final_pcc, threshold, a.note.empty() ? "" : "; ",
                     a.note);
}

std::string describe_logits(const metrics::Comparison& logits, double threshold) {
  const std::string note = logits.remark();
  return fmt::format("logits PCC {:.6f}, needs {}{}{}", logits.pcc, threshold, note.empty() ? "" : "; ",
                     note);
}

}  // namespace tessera::verify
