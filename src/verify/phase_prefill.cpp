#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "generate/generate_text.hpp"
#include "metrics/compare.hpp"
#include "util/clock.hpp"
#include "verify/equivalence.hpp"
#include "verify/forced.hpp"
#include "verify/lockstep.hpp"
#include "verify/phases.hpp"
#include "verify/rows.hpp"
#include "verify/scene.hpp"
#include "verify/tokens.hpp"

namespace tessera::verify {
namespace {

// Crosses three pages of 32 and an attention block of 64, and ends inside a page.
constexpr std::size_t kEquivalenceTokens = 100;
constexpr std::size_t kOpTokens = 48;
constexpr int kTextTokens = 64;

// Every op of a prefill on the reference's inputs.
void check_prefill_ops(Session& s, report::BringupReport& report) {
  const auto ids = s.forced_tokens(kOpTokens);
  generate::Generator reference(*s.reference, {.users = 1, .context = s.context});
  generate::Generator device(*s.model, {.users = 1, .context = s.context});
  for (auto* generator : {&reference, &device}) zero_cache(*generator);
  const Recording recording = record([&] { reference.prefill(ids); });
  const auto rows =
      check_ops(recording, [&] { device.prefill(ids); }, {"prefill", "prefill", "captured"}, s.thresholds);
  report.ops.insert(report.ops.end(), rows.begin(), rows.end());
}

// Hidden states by layer of a prefill; the comparison of its logits.
metrics::Comparison check_prefill_layers(Session& s, report::BringupReport& report) {
  const auto ids = s.forced_tokens(kForcedTokens);
  const ForcedRun reference = forced_prefill(*s.reference, ids, s.context);
  const ForcedRun device = forced_prefill(*s.model, ids, s.context);
  for (std::size_t i = 0; i < reference.layers.size(); ++i) {
    report.layers.push_back(layer_row("prefill", static_cast<int>(i), s.thresholds.layer, reference.layers[i],
                                      device.layers[i], s.config().hidden_size, device.layer_ms[i]));
  }
  return metrics::compare(reference.logits, device.logits);
}

// What is timed is run once before. Not on exact: its speed is that of a model of the card, and a run takes
// as long as 50 warm ones on fast.
bool wants_warmth(const Session& s) {
  return s.device->engine() != Engine::Exact;
}

void measure(Session& s, report::BringupReport& report) {
  const auto ids = s.forced_tokens(kForcedTokens);
  generate::Generator generator(*s.model, {.users = 1, .context = s.context});
  if (wants_warmth(s)) generator.prefill(ids);  // pages of the cache, scratch of the threads
  const Stopwatch clock;
  generator.prefill(ids);
  report.performance.prefill_tok_s = static_cast<double>(ids.size()) / clock.seconds();
}

// As a user runs it: the prompt in one prefill, then decode. The reference writes the same text.
void end_to_end(Session& s, const std::string& prompt, report::BringupReport& report) {
  const bool chat = !s.files.chat_template.empty();
  generate::Request request;
  request.prompt = generate::encode_prompt(*s.tokenizer, s.files, prompt, !chat);
  request.max_new_tokens = kTextTokens;
  request.stop_ids.assign(s.config().eos_token_ids.begin(), s.config().eos_token_ids.end());
  generate::Timings timings;
  generate::Result result;
  report.memory.ladder_peak_bytes = std::max(report.memory.ladder_peak_bytes, s.device->peak_bytes());
  s.device->reset_peak();
  {
    generate::Generator generator(*s.model, {.users = 1, .context = s.context});
    if (wants_warmth(s)) generate::generate(generator, std::span(&request, 1));
    result = generate::generate(generator, std::span(&request, 1), {}, &timings)[0];
  }
  measure(s, report);
  report.memory.peak_bytes = s.device->peak_bytes();
  report.performance.ttft_ms = timings.ttft_ms;
  report.performance.decode_tok_s = timings.decode_tok_s;

  report::Generation text;
  text.prompt = prompt;
  text.chat = chat;
  text.mode = "prefill";
  text.tokens = result.tokens;
  text.reference_tokens =
      greedy(*s.reference, s.context, request.prompt, kTextTokens, s.config().eos_token_ids, false);
  text = compared(s, std::move(text));
  conclude(
      report, 8, text.garbage.empty(),
      fmt::format(
          "\"{}\": {} tokens ({}) by prefill and decode, {}; first token after {:.0f} ms, prefill {:.0f} "
          "tok/s, decode {:.0f} tok/s",
          prompt, result.tokens.size(), result.finish_reason, describe_agreement(text), timings.ttft_ms,
          report.performance.prefill_tok_s, timings.decode_tok_s),
      text.garbage);
  report.generations.push_back(std::move(text));
}

}  // namespace

void run_prefill(Session& s, const std::string& prompt, report::BringupReport& report) {
  check_prefill_ops(s, report);
  const metrics::Comparison logits = check_prefill_layers(s, report);
  const bool logits_pass = metrics::passes(logits, s.thresholds.model);
  const auto text = s.forced_tokens(kEquivalenceTokens);
  report.equivalences = check_equivalence(*s.model, s.context, text, s.thresholds.equivalence);
  report.equivalences.push_back(check_batch(*s.model, s.context, text, generate::kMaxUsers, 8));

  const Verdict ops = judge(report.ops, "prefill");
  const LayerVerdict layers = judge_layers(report.layers, "prefill");
  const auto equal = std::ranges::count_if(report.equivalences, [](const auto& e) { return e.equal; });
  const auto failed = std::ranges::find_if(report.equivalences, [](const auto& e) { return !e.pass; });
  const bool equivalent = failed == report.equivalences.end();
  std::string reason;
  if (!ops.pass() && ops.first_failed != nullptr) reason = describe(*ops.first_failed);
  const auto add = [&](const std::string& what) { reason += (reason.empty() ? "" : "; ") + what; };
  if (layers.first_failed != nullptr) {
    add(fmt::format("layers.{} is the first bad layer, PCC {:.6f}", layers.first_failed->layer,
                    layers.first_failed->pcc));
    if (!layers.first_failed->note.empty()) add(layers.first_failed->note);
  }
  if (!logits_pass) add(describe_logits(logits, s.thresholds.model));
  if (!equivalent) add(fmt::format("{} ({}): PCC {:.6f}", failed->name, failed->what, failed->pcc));
  conclude(
      report, 7, ops.pass() && layers.pass() && logits_pass && equivalent,
      fmt::format("{} ops, worst PCC {:.6f}; {}; logits PCC {:.6f}; {} of {} equivalences (prefill = "
                  "decode = chunked = paged = batched) equal to the bit",
                  ops.rows, ops.worst_pcc, layers.evidence(), logits.pcc, equal, report.equivalences.size()),
      reason);
  end_to_end(s, prompt, report);
}

}  // namespace tessera::verify
