#include <fmt/format.h>

#include <algorithm>

#include "generate/generate_text.hpp"
#include "metrics/compare.hpp"
#include "verify/phases.hpp"
#include "verify/rows.hpp"
#include "verify/tokens.hpp"

namespace tessera::verify {
namespace {

constexpr int kGenerated = 20;  // as the guide's listing

// The prompt, one token a step, on both sides: the worst PCC of the logits over its positions.
double feed_prompt(Session& s, std::span<const std::int32_t> prompt) {
  generate::Generator reference(*s.reference, {.users = 1, .context = s.context});
  generate::Generator device(*s.model, {.users = 1, .context = s.context});
  double worst = 1;
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    const auto position = static_cast<std::int32_t>(i);
    const Tensor a = reference.decode(prompt.subspan(i, 1), std::span(&position, 1));
    const Tensor b = device.decode(prompt.subspan(i, 1), std::span(&position, 1));
    worst = std::min(worst, metrics::compare(a.to_vector(), b.to_vector()).pcc);
  }
  return worst;
}

}  // namespace

void run_decode(Session& s, const std::string& prompt, report::BringupReport& report) {
  double worst = 1;
  std::string defect;
  std::string texts;
  for (const bool chat : {false, true}) {
    if (chat && s.files.chat_template.empty()) continue;
    const auto ids = generate::encode_prompt(*s.tokenizer, s.files, prompt, !chat);
    worst = std::min(worst, feed_prompt(s, ids));
    const report::Generation g = compare_texts(s, prompt, chat, kGenerated, true);
    if (!g.garbage.empty()) defect = g.garbage;
    texts += fmt::format("; {} \"{}\"", chat ? "chat:" : "text:", g.text);
  }
  const bool pass = worst >= s.thresholds.model && defect.empty();
  std::string reason;
  if (worst < s.thresholds.model)
    reason = fmt::format("logits PCC {:.6f}, needs {}", worst, s.thresholds.model);
  if (!defect.empty()) reason += (reason.empty() ? "" : "; ") + defect;
  std::ranges::replace(texts, '\n', ' ');
  conclude(
      report, 4, pass,
      fmt::format("the prompt through decode alone, token by token: worst logits PCC {:.6f}{}", worst, texts),
      reason);
}

}  // namespace tessera::verify
