#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "generate/generator.hpp"
#include "io/golden.hpp"
#include "metrics/compare_rows.hpp"
#include "metrics/logits.hpp"
#include "verify/forced.hpp"
#include "verify/make_golden.hpp"
#include "verify/phases.hpp"

namespace tessera::verify {
namespace {

struct Baseline {
  std::string evidence, reason;
  std::size_t compared = 0;  // rows of hidden states, positions and tokens that were held against the golden
  void say(const std::string& text) { evidence += (evidence.empty() ? "" : "; ") + text; }
  void fail(const std::string& text) { reason += (reason.empty() ? "" : "; ") + text; }
};

// The first `rows` rows of a list that may be longer than the context.
std::vector<float> first_rows(const std::vector<float>& values, std::size_t rows, std::size_t cols) {
  const auto n = static_cast<std::ptrdiff_t>(std::min(values.size(), rows * cols));
  return {values.begin(), values.begin() + n};
}

// As much of a text as the ladder has positions for.
ForcedRun run_forced(const Session& s, std::vector<std::int32_t> ids) {
  ids.resize(std::min(ids.size(), static_cast<std::size_t>(s.context)));
  return forced_prefill(*s.reference, std::move(ids), s.context);
}

// By how much the golden prefers its own token to ours. Infinite when ours is not in its list: that is no
// tie.
double golden_margin(std::span<const std::int32_t> ids, std::span<const float> logits, std::int32_t ours) {
  const auto it = std::ranges::find(ids, ours);
  return it == ids.end() ? HUGE_VAL : logits[0] - logits[static_cast<std::size_t>(it - ids.begin())];
}

// The best logits of each position, and their order at the top.
void check_logits(const Session& s, const std::string& what, const io::GoldenTopK& golden,
                  std::span<const float> logsumexp, const ForcedRun& run, Baseline& result) {
  const auto k = static_cast<std::size_t>(golden.k);
  const std::size_t rows = run.ids.size();
  if (k == 0) return;
  result.compared += rows;
  std::size_t unexplained = 0, differ = 0, worst_row = 0;
  double worst = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const auto ours = run.row(row);
    const auto ids = std::span(golden.ids).subspan(row * k, k);
    const auto logits = std::span(golden.logits).subspan(row * k, k);
    double scale = 0, error = 0;
    const auto hold = [&](double theirs, double mine) {
      const double e = std::abs(theirs - mine);
      error = std::isnan(e) ? HUGE_VAL : std::max(error, e);
    };
    for (std::size_t j = 0; j < k; ++j) {
      const auto id = static_cast<std::size_t>(ids[j]);
      scale = std::max(scale, std::abs(static_cast<double>(logits[j])));
      hold(logits[j], id < ours.size() ? ours[id] : HUGE_VAL);
    }
    if (row < logsumexp.size()) hold(logsumexp[row], metrics::logsumexp(ours));
    error = scale > 0 ? error / scale : error;
    if (error > worst) {
      worst = error;
      worst_row = row;
    }
    const std::int32_t token = metrics::argmax(ours);
    if (token == ids[0]) continue;
    ++differ;
    unexplained += golden_margin(ids, logits, token) > s.thresholds.baseline_margin ? 1 : 0;
  }
  result.say(fmt::format("{} of {} {} tokens the same (top-{} logits within {:.1e} of their scale)",
                         rows - differ, rows, what, k, worst));
  if (worst > s.thresholds.baseline_relative) {
    result.fail(fmt::format("logits of {} token {} off by {:.2e} of their scale, needs {:g}", what, worst_row,
                            worst, s.thresholds.baseline_relative));
  }
  if (unexplained > 0) {
    result.fail(fmt::format("{} of {} {} tokens differ at a margin above {:g}", unexplained, rows, what,
                            s.thresholds.baseline_margin));
  }
}

void check_hidden(Session& s, const io::GoldenHidden& golden, Baseline& result) {
  if (golden.ids.empty()) return;
  const ForcedRun run = run_forced(s, golden.ids);
  const auto cols = static_cast<std::size_t>(s.config().hidden_size);
  double worst = 0, first_error = 0;
  std::string first;  // out of line; what comes after it inherits its error
  const auto compare = [&](const std::string& name, const std::vector<float>& theirs,
                           const std::vector<float>& ours) {
    const std::vector<float> a = first_rows(theirs, run.ids.size(), cols);
    result.compared += run.ids.size();
    // Row by row: the first token's values may be a thousand times the others'.
    metrics::RowComparison c;
    if (a.size() == ours.size()) c = metrics::compare_rows(a, ours, cols);
    const double error = a.size() == ours.size() ? c.worst_row_rel_l2 : HUGE_VAL;
    worst = std::max(worst, error);
    if (error > s.thresholds.baseline_relative && first.empty()) {
      first = fmt::format("{}, token {}", name, c.worst_row);
      first_error = error;
    }
  };
  for (std::size_t i = 0; i < golden.layers.size() && i <= run.layers.size(); ++i) {
    if (i == 0) {
      compare("the embedding", golden.layers[0], run.embedding);
    } else {
      compare(fmt::format("layer {}", i - 1), golden.layers[i], run.layers[i - 1]);
    }
  }
  if (!golden.final_norm.empty()) compare("the final norm", golden.final_norm, run.final_norm);
  result.say(fmt::format("hidden states of each token within {:.1e} of its size", worst));
  if (golden.layers.size() != run.layers.size() + 1) {
    result.fail(fmt::format("the golden has {} layers, the model {}",
                            std::max<std::size_t>(golden.layers.size(), 1) - 1, run.layers.size()));
  }
  if (!first.empty()) {
    result.fail(fmt::format("hidden states of {} off by {:.2e} of its size, needs {:g}, and none before it",
                            first, first_error, s.thresholds.baseline_relative));
  }
  check_logits(s, "short", golden.topk, {}, run, result);
}

void check_forced(Session& s, const io::GoldenForced& golden, Baseline& result) {
  if (golden.ids.empty()) return;
  check_logits(s, "forced", golden.topk, golden.logsumexp, run_forced(s, golden.ids), result);
}

void check_greedy(Session& s, const io::Golden& golden, Baseline& result) {
  // Prompts that the ladder has no positions for are left out, as are tokens behind its last position.
  std::vector<const io::GoldenGreedy*> parts;
  const auto context = static_cast<std::size_t>(s.context);
  for (const io::GoldenGreedy& part : golden.greedy) {
    const bool fits = !part.prompt_ids.empty() && part.prompt_ids.size() <= context;
    if (fits && parts.size() < static_cast<std::size_t>(generate::kMaxUsers)) parts.push_back(&part);
  }
  if (parts.empty()) return;
  // All prompts decode together: the golden's own tokens are fed, so that one difference is one difference.
  generate::Generator generator(*s.reference,
                                {.users = static_cast<int>(parts.size()), .context = s.context});
  std::vector<std::int32_t> tokens(parts.size()), positions(parts.size());
  std::vector<std::vector<float>> logits;
  std::size_t compared = 0, differ = 0, unexplained = 0, beyond = 0, steps = 0;
  for (std::size_t u = 0; u < parts.size(); ++u) {
    logits.push_back(generator.prefill(parts[u]->prompt_ids, static_cast<int>(u)).to_vector());
    steps = std::max(steps, parts[u]->ids.size());
  }
  const auto vocab = static_cast<std::size_t>(s.config().vocab_size);
  for (std::size_t step = 0; step < steps; ++step) {
    bool more = false;
    for (std::size_t u = 0; u < parts.size(); ++u) {
      const io::GoldenGreedy& part = *parts[u];
      positions[u] = -1;
      if (step >= part.ids.size()) continue;
      const std::size_t position = part.prompt_ids.size() + step;  // of the token that these logits give
      if (position > context) {
        ++beyond;
        continue;
      }
      ++compared;
      const std::int32_t theirs = part.ids[step], ours = metrics::argmax(logits[u]);
      if (ours != theirs) {
        ++differ;
        // The golden knows the margin of its second token only; ours to its token is in our logits.
        const auto id = static_cast<std::size_t>(theirs);
        const double own = id < vocab ? logits[u][static_cast<std::size_t>(ours)] - logits[u][id] : HUGE_VAL;
        const double margin = std::max(own, static_cast<double>(part.margins[step]));
        unexplained += margin > s.thresholds.baseline_margin ? 1 : 0;
      }
      if (position == context) continue;
      tokens[u] = theirs;
      positions[u] = static_cast<std::int32_t>(position);
      more = true;
    }
    if (step + 1 == steps || !more) {
      for (const io::GoldenGreedy* part : parts) {
        beyond += part->ids.size() > step + 1 ? part->ids.size() - step - 1 : 0;
      }
      break;
    }
    const auto rows = generator.decode(tokens, positions).to_vector();
    for (std::size_t u = 0; u < parts.size(); ++u) {
      logits[u].assign(rows.begin() + static_cast<std::ptrdiff_t>(u * vocab),
                       rows.begin() + static_cast<std::ptrdiff_t>((u + 1) * vocab));
    }
  }
  result.compared += compared;
  result.say(fmt::format("greedy text of {} prompts: {} of {} tokens the same", parts.size(),
                         compared - differ, compared));
  if (beyond > 0) result.say(fmt::format("{} beyond the {} positions here left out", beyond, s.context));
  if (unexplained > 0) {
    result.fail(fmt::format("{} greedy tokens differ at a margin above {:g}", unexplained,
                            s.thresholds.baseline_margin));
  }
}

void skip(report::BringupReport& report, std::string reason, std::string evidence = {}) {
  report::ChecklistItem& item = checklist_item(report, 1);
  item.status = report::Status::Skipped;
  item.reason = std::move(reason);
  item.evidence = std::move(evidence);
}

constexpr const char* kHowTo = "make one with `python -m tessera_golden MODEL` and pass it with --golden";

}  // namespace

void run_baseline(Session& s, const io::Golden* golden, report::BringupReport& report) {
  if (golden == nullptr) {
    report.baseline = "the built-in reference (ref engine, float32); no golden file for this checkpoint";
    // Nothing outside the product was consulted: that is not a pass.
    return skip(report,
                fmt::format("no golden file for this checkpoint: the baseline is the built-in reference; {}",
                            kHowTo));
  }
  report.baseline = fmt::format("ref engine, held against {}", golden->source);
  Baseline result;
  check_hidden(s, golden->hidden, result);
  check_forced(s, golden->forced, result);
  check_greedy(s, *golden, result);
  const std::string evidence = fmt::format("ref engine against {}: {}", golden->source, result.evidence);
  if (!result.reason.empty()) return conclude(report, 1, false, evidence, result.reason);
  if (result.compared == 0) {
    return skip(report,
                fmt::format("the golden file of {} has nothing to compare with: {}", golden->source, kHowTo));
  }
  if (is_own_golden(*golden)) {
    return skip(report,
                fmt::format("the golden file was written by the ref engine itself ({}): it agrees, but is no "
                            "evidence from outside; {}",
                            golden->source, kHowTo),
                evidence);
  }
  conclude(report, 1, true, evidence);
}

}  // namespace tessera::verify
