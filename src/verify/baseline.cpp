#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "generate/generator.hpp"
#include "io/golden.hpp"
#include "metrics/logits.hpp"
#include "verify/forced.hpp"
#include "verify/phases.hpp"

namespace tessera::verify {
namespace {

// Largest error by the reference's scale (its largest absolute value).
double relative_error(const std::vector<float>& golden, const std::vector<float>& ours) {
  if (golden.size() != ours.size()) return HUGE_VAL;
  double scale = 0, error = 0;
  for (std::size_t i = 0; i < golden.size(); ++i) {
    scale = std::max(scale, std::abs(static_cast<double>(golden[i])));
    const double e = std::abs(static_cast<double>(golden[i]) - ours[i]);
    error = std::isnan(e) ? HUGE_VAL : std::max(error, e);
  }
  return scale == 0 ? error : error / scale;
}

struct Baseline {
  std::string evidence, reason;
  void fail(const std::string& text) { reason += (reason.empty() ? "" : "; ") + text; }
};

void check_hidden(Session& s, const io::GoldenHidden& golden, Baseline& result) {
  if (golden.ids.empty()) return;
  const ForcedRun run = forced_prefill(*s.reference, golden.ids, s.context);
  double worst = 0, first_error = 0;
  std::string first;  // out of line; what comes after it inherits its error
  const auto compare = [&](const std::string& name, const std::vector<float>& a,
                           const std::vector<float>& b) {
    const double error = relative_error(a, b);
    worst = std::max(worst, error);
    if (error > s.thresholds.baseline_relative && first.empty()) {
      first = name;
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
  result.evidence += fmt::format("hidden states within {:.1e} of their scale; ", worst);
  if (golden.layers.size() != run.layers.size() + 1) {
    result.fail(
        fmt::format("the golden has {} layers, the model {}", golden.layers.size() - 1, run.layers.size()));
  }
  if (!first.empty()) {
    result.fail(
        fmt::format("hidden states of {} off by {:.2e} of their scale, needs {:g}, and none before it", first,
                    first_error, s.thresholds.baseline_relative));
  }
}

void check_forced(Session& s, const io::GoldenForced& golden, Baseline& result) {
  if (golden.ids.empty()) return;
  std::vector<std::int32_t> ids = golden.ids;
  ids.resize(std::min(ids.size(), static_cast<std::size_t>(s.context)));
  const ForcedRun run = forced_prefill(*s.reference, ids, s.context);
  const auto k = static_cast<std::size_t>(golden.topk.k);
  std::size_t unexplained = 0, differ = 0;
  double worst = 0;
  for (std::size_t row = 0; row < ids.size(); ++row) {
    const auto logits = run.row(row);
    for (std::size_t j = 0; j < k; ++j) {
      const auto id = static_cast<std::size_t>(golden.topk.ids[row * k + j]);
      const double error =
          id < logits.size() ? std::abs(golden.topk.logits[row * k + j] - logits[id]) : HUGE_VAL;
      worst = std::max(worst, error);
    }
    if (metrics::argmax(logits) == golden.topk.ids[row * k]) continue;
    ++differ;
    const double margin = k < 2 ? 0 : golden.topk.logits[row * k] - golden.topk.logits[row * k + 1];
    unexplained += margin > s.thresholds.baseline_margin ? 1 : 0;
  }
  result.evidence += fmt::format("{} of {} forced tokens the same (top-{} logits within {:.1e}); ",
                                 ids.size() - differ, ids.size(), k, worst);
  if (unexplained > 0) {
    result.fail(fmt::format("{} of {} forced tokens differ at a margin above {:g}", unexplained, ids.size(),
                            s.thresholds.baseline_margin));
  }
}

void check_greedy(Session& s, const io::Golden& golden, Baseline& result) {
  if (golden.greedy.empty()) return;
  // All prompts decode together: the golden's own tokens are fed, so that one difference is one difference.
  const int users = std::min(generate::kMaxUsers, static_cast<int>(golden.greedy.size()));
  generate::Generator generator(*s.reference, {.users = users, .context = s.context});
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(users)), positions(tokens.size());
  std::vector<std::vector<float>> logits;
  std::size_t compared = 0, differ = 0, unexplained = 0, steps = 0;
  for (int u = 0; u < users; ++u) {
    const io::GoldenGreedy& greedy = golden.greedy[static_cast<std::size_t>(u)];
    logits.push_back(generator.prefill(greedy.prompt_ids, u).to_vector());
    steps = std::max(steps, greedy.ids.size());
  }
  const auto vocab = static_cast<std::size_t>(s.config().vocab_size);
  for (std::size_t step = 0; step < steps; ++step) {
    for (std::size_t u = 0; u < tokens.size(); ++u) {
      const io::GoldenGreedy& greedy = golden.greedy[u];
      positions[u] = -1;
      if (step >= greedy.ids.size()) continue;
      ++compared;
      if (metrics::argmax(logits[u]) != greedy.ids[step]) {
        ++differ;
        unexplained += greedy.margins[step] > s.thresholds.baseline_margin ? 1 : 0;
      }
      const std::size_t position = greedy.prompt_ids.size() + step;
      if (position >= static_cast<std::size_t>(s.context)) continue;
      tokens[u] = greedy.ids[step];
      positions[u] = static_cast<std::int32_t>(position);
    }
    if (step + 1 == steps) break;
    const auto rows = generator.decode(tokens, positions).to_vector();
    for (std::size_t u = 0; u < tokens.size(); ++u) {
      logits[u].assign(rows.begin() + static_cast<std::ptrdiff_t>(u * vocab),
                       rows.begin() + static_cast<std::ptrdiff_t>((u + 1) * vocab));
    }
  }
  result.evidence += fmt::format("greedy text of {} prompts: {} of {} tokens the same; ", users,
                                 compared - differ, compared);
  if (unexplained > 0) {
    result.fail(fmt::format("{} greedy tokens differ at a margin above {:g}", unexplained,
                            s.thresholds.baseline_margin));
  }
}

}  // namespace

void run_baseline(Session& s, const io::Golden* golden, report::BringupReport& report) {
  if (golden == nullptr) {
    report.baseline = "the built-in reference (ref engine, float32); no golden file for this checkpoint";
    // Nothing outside the product was consulted: that is not a pass.
    report::ChecklistItem& item = checklist_item(report, 1);
    item.status = report::Status::Skipped;
    item.reason =
        "no golden file for this checkpoint: the baseline is the built-in reference; make one with `python "
        "-m "
        "tessera_golden MODEL` and pass it with --golden";
    return;
  }
  report.baseline = fmt::format("ref engine, held against {}", golden->source);
  Baseline result;
  check_hidden(s, golden->hidden, result);
  check_forced(s, golden->forced, result);
  check_greedy(s, *golden, result);
  conclude(report, 1, result.reason.empty(),
           fmt::format("ref engine against {}: {}", golden->source,
                       result.evidence.substr(0, result.evidence.size() - 2)),
           result.reason);
}

}  // namespace tessera::verify
