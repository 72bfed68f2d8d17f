#include <fmt/format.h>

#include "generate/generate_text.hpp"
#include "metrics/logits.hpp"
#include "util/clock.hpp"
#include "verify/forced.hpp"
#include "verify/phases.hpp"
#include "verify/rows.hpp"
#include "verify/tokens.hpp"

namespace tessera::verify {
namespace {

constexpr int kTextTokens = 64;

// Hidden states by layer and logits of a forced text: the reference in one pass, the device token by token.
void teacher_forcing(Session& s, report::BringupReport& report) {
  const ForcedRun reference = forced_prefill(*s.reference, s.forced_tokens(kForcedTokens), s.context);
  const ForcedRun device = forced_decode(*s.model, reference.ids, s.context);
  for (int i = 0; i < s.config().num_hidden_layers; ++i) {
    const auto at = static_cast<std::size_t>(i);
    report.layers.push_back(layer_row("decode", i, s.thresholds.layer, reference.layers[at],
                                      device.layers[at], s.config().hidden_size, device.layer_ms[at]));
  }
  LogitsComparison comparison(s, "forced");
  for (std::size_t row = 0; row < reference.ids.size(); ++row)
    comparison.add(reference.row(row), device.row(row));
  report.accuracy.push_back(comparison.finish(device.ms));

  const LayerVerdict layers = judge_layers(report.layers, "decode");
  const report::Accuracy& logits = report.accuracy.back();
  std::string reason;
  if (layers.first_failed != nullptr) {
    reason = fmt::format("layers.{} is the first of {} layers below {}", layers.first_failed->layer,
                         layers.failed, s.thresholds.layer);
    if (!layers.first_failed->note.empty()) reason += " (" + layers.first_failed->note + ")";
  }
  if (!logits.logits_pass)
    reason += (reason.empty() ? "" : "; ") + describe_logits(logits, s.thresholds.model);
  conclude(report, 5, layers.pass() && logits.logits_pass,
           fmt::format("{} tokens of forced text, hidden states of {}; final logits PCC {:.6f}",
                       reference.ids.size(), layers.evidence(), logits.final_pcc),
           reason);
}

// The reference generates; its tokens are fed to both.
report::Accuracy compare_tokens(Session& s, const std::string& prompt, int n) {
  const auto ids = generate::encode_prompt(*s.tokenizer, s.files, prompt, false);
  generate::Generator reference(*s.reference, {.users = 1, .context = s.context});
  generate::Generator device(*s.model, {.users = 1, .context = s.context});
  LogitsComparison comparison(s, "generated");
  std::vector<float> expected = reference.prefill_by_decode(ids).to_vector();
  double ms = 0;
  Stopwatch clock;
  std::vector<float> actual = device.prefill_by_decode(ids).to_vector();
  ms += clock.milliseconds();
  auto position = static_cast<std::int32_t>(ids.size());
  for (int i = 0; i < n; ++i) {
    comparison.add(expected, actual);
    if (i + 1 == n || position >= s.context) break;
    const std::int32_t token = metrics::argmax(expected);
    expected = reference.decode(std::span(&token, 1), std::span(&position, 1)).to_vector();
    clock.reset();
    actual = device.decode(std::span(&token, 1), std::span(&position, 1)).to_vector();
    ms += clock.milliseconds();
    ++position;
  }
  return comparison.finish(ms);
}

}  // namespace

void run_accuracy(Session& s, const std::string& prompt, int tokens, report::BringupReport& report) {
  teacher_forcing(s, report);
  report.accuracy.insert(report.accuracy.begin(), compare_tokens(s, prompt, tokens));
  for (const bool chat : {false, true}) {
    if (chat && s.files.chat_template.empty()) continue;
    report.generations.push_back(compare_texts(s, prompt, chat, kTextTokens, true));
  }

  std::string evidence, reason;
  for (const report::Accuracy& a : report.accuracy) {
    evidence += describe(a) + "; ";
    if (a.top1 < s.thresholds.top1 || a.top5 < s.thresholds.top5) {
      reason += fmt::format("{} text: top-1 {:.1f} % (needs {}), top-5 {:.1f} % (needs {}); ", a.text, a.top1,
                            s.thresholds.top1, a.top5, s.thresholds.top5);
    }
    if (!a.logits_pass)
      reason += fmt::format("{} text: {}; ", a.text, describe_logits(a, s.thresholds.model));
  }
  for (const report::Generation& g : report.generations) {
    if (!g.garbage.empty()) reason += fmt::format("text of \"{}\": {}; ", g.prompt, g.garbage);
    evidence += g.first_divergence < 0
                    ? fmt::format("{} text equal over {} tokens; ", g.chat ? "chat" : "raw", g.tokens.size())
                    : fmt::format("{} text differs from token {}, similarity {:.2f}; ",
                                  g.chat ? "chat" : "raw", g.first_divergence, g.similarity);
  }
  const auto trim = [](const std::string& text) {
    return text.size() >= 2 ? text.substr(0, text.size() - 2) : text;
  };
  conclude(report, 6, reason.empty(), trim(evidence), trim(reason));
}

}  // namespace tessera::verify
