#include <fmt/format.h>

#include <algorithm>

#include "generate/generate_text.hpp"
#include "util/clock.hpp"
#include "verify/phases.hpp"
#include "verify/rows.hpp"
#include "verify/tokens.hpp"

namespace tessera::verify {
namespace {

constexpr int kGenerated = 20;  // as the guide's listing

// The prompt, one token a step, on both sides: a row of the report a position.
void feed_prompt(Session& s, std::span<const std::int32_t> prompt, const std::string& input,
                 report::BringupReport& report) {
  generate::Generator reference(*s.reference, {.users = 1, .context = s.context});
  generate::Generator device(*s.model, {.users = 1, .context = s.context});
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    const auto position = static_cast<std::int32_t>(i);
    const Tensor a = reference.decode(prompt.subspan(i, 1), std::span(&position, 1));
    const Stopwatch clock;
    const Tensor b = device.decode(prompt.subspan(i, 1), std::span(&position, 1));
    const double ms = clock.milliseconds();
    report::OpResult row =
        logits_row({"decode", "decode", input}, s.thresholds.model, a.to_vector(), b.to_vector(), ms);
    row.note = fmt::format("position {}{}{}", i, row.note.empty() ? "" : ": ", row.note);
    report.ops.push_back(std::move(row));
  }
}

}  // namespace

void run_decode(Session& s, const std::string& prompt, report::BringupReport& report) {
  std::string defect;
  std::string texts;
  for (const bool chat : {false, true}) {
    if (chat && s.files.chat_template.empty()) continue;
    const auto ids = generate::encode_prompt(*s.tokenizer, s.files, prompt, !chat);
    feed_prompt(s, ids, chat ? "chat" : "prompt", report);
    const report::Generation g = compare_texts(s, prompt, chat, kGenerated, true);
    if (!g.garbage.empty()) defect = g.garbage;
    texts += fmt::format("; {} \"{}\"", chat ? "chat:" : "text:", g.text);
  }
  const Verdict logits = judge(report.ops, "decode");
  std::string reason;
  if (logits.first_failed != nullptr) reason = describe(*logits.first_failed);
  if (!defect.empty()) reason += (reason.empty() ? "" : "; ") + defect;
  std::ranges::replace(texts, '\n', ' ');
  conclude(
      report, 4, logits.pass() && defect.empty(),
      fmt::format("the prompt through decode alone, token by token: {} positions, worst logits PCC {:.6f}{}",
                  logits.rows, logits.worst_pcc, texts),
      reason);
}

}  // namespace tessera::verify
