#include "verify/advise/advise.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "models/load_model.hpp"
#include "plan/chip_part.hpp"
#include "plan/memory_run.hpp"
#include "plan/predict.hpp"
#include "plan/presets.hpp"
#include "util/error.hpp"
#include "util/interrupt.hpp"
#include "verify/advise/composed_model.hpp"
#include "verify/advise/front.hpp"
#include "verify/advise/mixtures.hpp"

namespace tessera::verify {
namespace {

// Below this a difference of KL is rounding that fell otherwise: what a change costs is never counted as
// less.
constexpr double kLeastKl = 1e-5;

using Logits = std::vector<float>;

Logits reference_logits(const io::Checkpoint& checkpoint, const std::vector<std::int32_t>& ids) {
  check(ids.size() >= 2, "advise: a text of {} tokens: at least two are needed", ids.size());
  const auto device = Device::open("cpu", Engine::Ref);
  const auto model = models::load_model(
      *device, checkpoint,
      {.precision = models::parse_precision("fp32"), .max_seq = static_cast<int>(ids.size())});
  return text_logits(*model, ids);
}

class Steps {
 public:
  Steps(int total, const std::function<void(int, int)>& tell) : total_(total), tell_(tell) {}
  void done() {
    check_interrupt();
    if (tell_) tell_(++done_, total_);
  }

 private:
  int done_ = 0, total_;
  const std::function<void(int, int)>& tell_;
};

// A text on one engine in any configuration, held against the reference.
class Bench {
 public:
  Bench(Engine engine, const io::Checkpoint& checkpoint, const std::vector<std::int32_t>& ids,
        const Logits& reference)
      : model_(engine, checkpoint, static_cast<int>(ids.size())), ids_(ids), reference_(reference) {}

  Score measure(const models::Precision& precision) {
    return score(reference_, text_logits(model_.compose(precision), ids_), ids_);
  }
  Score measure_decode(const models::Precision& precision) {
    return score(reference_, decode_logits(model_.compose(precision), ids_), ids_);
  }

 private:
  ComposedModel model_;
  const std::vector<std::int32_t>& ids_;
  const Logits& reference_;
};

class Planner {
 public:
  Planner(const plan::ModelFacts& facts, const AdviseOptions& options)
      : facts_(facts), sheet_(find_sheet(options.device)), part_(plan::chip_part(facts, sheet_.chips)) {
    const int limit = facts.config.max_position_embeddings;
    context_ = options.context > 0 ? options.context : std::min(4096, limit);
    check(context_ <= limit, "advise: a context of {}: {} has {} positions: ask for 1 to {}", context_,
          facts.name, limit, limit);
    check(options.batch >= 1 && options.batch <= 32, "advise: a batch of {}: 1 to 32 users are supported",
          options.batch);
    batch_ = options.batch;
    plan::chip_rates(sheet_);  // refuses a sheet without a bandwidth before anything is measured
  }

  int context() const { return context_; }

  Cost cost(const Configuration& configuration) const {
    const models::Precision precision = to_precision(configuration);
    const plan::MemoryUse memory = plan::run_memory(facts_, part_, precision, plan::chip_sheet(sheet_),
                                                    {.batch = batch_, .context = context_, .chunk = 2048});
    const plan::Speed speed =
        plan::predict_speed(facts_, part_, precision, sheet_,
                            {.batch = batch_, .context = context_, .prompt = std::min(128, context_)});
    return {memory.weights, memory.needed, 1e3 / speed.decode.expected_ms, speed.first_token.expected_ms};
  }

 private:
  const plan::ModelFacts& facts_;
  const SpecSheet& sheet_;
  plan::ChipPart part_;
  int context_ = 0, batch_ = 1;
};

// Only the storage changes: the fast engine tells as much as the exact one, in a fraction of the time.
bool is_storage_only(Group group) {
  return group == Group::KvCache || group == Group::Activation;
}

// The fast engine's most precise configuration carries its hidden states in float32.
Configuration fast_base() {
  return most_precise_configuration().with(Group::Activation, {DataType::FLOAT32, ""});
}

struct Probe {
  Group group;
  Setting setting;
  Engine engine;
};

std::vector<Probe> all_probes() {
  std::vector<Probe> result;
  const Configuration exact = most_precise_configuration(), fast = fast_base();
  for (std::size_t i = 0; i < kGroups; ++i) {
    const auto group = static_cast<Group>(i);
    std::vector<Setting> settings = ladder(group);
    const std::vector<Setting> more = probes(group);
    settings.insert(settings.end(), more.begin(), more.end());
    for (const Setting& setting : settings) {
      if (is_storage_only(group)) {
        if (setting != fast[group]) result.push_back({group, setting, Engine::Fast});
        continue;
      }
      if (setting == exact[group]) continue;
      result.push_back({group, setting, Engine::Exact});
      // What of it is the storage's part.
      const Setting storage{setting.dtype, exact[group].fidelity};
      const bool known = std::ranges::any_of(result, [&](const Probe& p) {
        return p.engine == Engine::Fast && p.group == group && p.setting == storage;
      });
      if (setting.dtype && !known) result.push_back({group, storage, Engine::Fast});
    }
  }
  return result;
}

// A step down the ladder of one group, as the single measurements tell it.
struct Step {
  Group group = Group::Ff1Ff3;
  std::size_t level = 0;
  double worth = 0;  // saved share of time and memory for each nat
};

const Sensitivity& find(const std::vector<Sensitivity>& rows, Group group, const Setting& setting) {
  const std::string engine(to_string(is_storage_only(group) ? Engine::Fast : Engine::Exact));
  return *std::ranges::find_if(rows, [&](const Sensitivity& row) {
    return row.group == group && row.setting == setting && row.engine == engine;
  });
}

// The configurations from the most precise one to the smallest, one group a step: next is always what saves
// most for what it costs, judged by the groups alone.
std::vector<std::pair<std::string, Configuration>> descend(const std::vector<Sensitivity>& rows,
                                                           const Cost& base) {
  struct At {
    double kl = 0, ms = 0, bytes = 0, first_ms = 0;
  };
  const auto at = [&](Group group, std::size_t level) -> At {
    const Sensitivity* row = level == 0 ? nullptr : &find(rows, group, ladder(group)[level]);
    const Cost& cost = row == nullptr ? base : row->cost;
    return {row == nullptr ? 0 : row->added_kl, 1e3 / cost.decode_tok_s,
            static_cast<double>(cost.needed_bytes), cost.ttft_ms};
  };
  Configuration now = most_precise_configuration();
  std::vector<std::pair<std::string, Configuration>> path{{"most precise", now}};
  std::array<std::size_t, kGroups> level{};
  for (;;) {
    std::optional<Step> best;
    for (const Group group : kSteppedGroups) {
      const std::size_t next = level[static_cast<std::size_t>(group)] + 1;
      if (next >= ladder(group).size()) continue;
      const At before = at(group, next - 1), after = at(group, next), whole = at(group, 0);
      const double saved = (before.ms - after.ms) / whole.ms + (before.bytes - after.bytes) / whole.bytes +
                           (before.first_ms - after.first_ms) / whole.first_ms;
      const double worth = saved / std::max(after.kl - before.kl, kLeastKl);
      if (!best || worth > best->worth) best = Step{group, next, worth};
    }
    if (!best) return path;
    level[static_cast<std::size_t>(best->group)] = best->level;
    now[best->group] = ladder(best->group)[best->level];
    path.emplace_back(fmt::format("{} to {}", to_string(best->group), describe(now[best->group])), now);
  }
}

void add_presets(std::vector<std::pair<std::string, Configuration>>& path, const plan::ModelFacts& facts) {
  for (const std::string name : {"tt-accuracy", "tt-performance"}) {
    const Configuration preset = preset_configuration(plan::plan_precision(name, facts));
    const auto same = std::ranges::find(path, preset, &std::pair<std::string, Configuration>::second);
    if (same == path.end()) {
      path.emplace_back(name, preset);
    } else {
      same->first += fmt::format(" ({})", name);
    }
  }
}

// Each of the layers' groups in bfloat4_b in one layer alone.
std::vector<LayerSensitivity> by_layer(Bench& fast, double base_kl, int layers, Steps& steps) {
  std::vector<LayerSensitivity> cells;
  for (const Group group : kLayerGroups) {
    for (int i = 0; i < layers; ++i) {
      models::Precision precision = to_precision(fast_base());
      apply_to_layer(precision, i, group, {DataType::BFLOAT4_B, "HIFI4"});
      cells.push_back({group, i, fast.measure(precision).kl - base_kl});
      steps.done();
    }
  }
  return cells;
}

// Between all of bfloat8_b and all of bfloat4_b: single layers, the cheapest first.
void add_mixtures(Advice& a, Bench& exact, const Planner& planner, Steps& steps) {
  const std::vector<Cell> cells = cheapest_first(a.groups, a.layers, a.layer_count);
  search_mixtures(cells.size(), [&](std::size_t count) {
    const Configuration mixed = mixture(cells, count);
    const Score score = exact.measure(to_precision(mixed));
    a.points.push_back({fmt::format("BFP4 in {} of {} parts of layers", count, cells.size()), mixed, score,
                        planner.cost(mixed), false});
    steps.done();
    return a.target.met_by(score);
  });
}

// No target: what TT-Transformers' own preset reaches.
Target target_of(const Target& asked, const std::vector<Point>& points) {
  if (asked.any()) return asked;
  const auto preset =
      std::ranges::find_if(points, [](const Point& p) { return p.name.find("tt-accuracy") != p.name.npos; });
  return {.kl = preset->score.kl};
}

}  // namespace

Advice advise(const io::Checkpoint& checkpoint, const plan::ModelFacts& facts,
              const std::vector<std::int32_t>& ids, const AdviseOptions& options,
              const std::function<void(int, int)>& on_step) {
  const Planner planner(facts, options);
  const int layers = checkpoint.config().num_hidden_layers;
  const std::vector<Probe> probes = all_probes();
  // The path has a point for each step of each ladder, its top, and the two presets.
  int most_points = 3 + (options.layers ? kEvenMixtures + kMixtureHalvings : 0);
  for (const Group group : kSteppedGroups) most_points += static_cast<int>(ladder(group).size()) - 1;
  const int cells = options.layers ? layers * static_cast<int>(kLayerGroups.size()) : 0;
  Steps steps(1 + 2 + static_cast<int>(probes.size()) + cells + most_points + 1, on_step);

  Advice a;
  a.model = facts.name;
  a.device = options.device;
  a.batch = options.batch;
  a.context = planner.context();
  a.tokens = static_cast<int>(ids.size());
  a.layer_count = layers;
  const Logits reference = reference_logits(checkpoint, ids);
  a.reference_perplexity = text_perplexity(reference, ids);
  steps.done();
  Bench exact(Engine::Exact, checkpoint, ids, reference);
  a.exact_base = exact.measure(to_precision(most_precise_configuration()));
  steps.done();
  {
    Bench fast(Engine::Fast, checkpoint, ids, reference);
    a.fast_base = fast.measure(to_precision(fast_base()));
    steps.done();
    for (const Probe& probe : probes) {
      const bool on_fast = probe.engine == Engine::Fast;
      const Configuration base = on_fast ? fast_base() : most_precise_configuration();
      const Score score =
          (on_fast ? fast : exact).measure(to_precision(base.with(probe.group, probe.setting)));
      a.groups.push_back({probe.group, probe.setting, std::string(to_string(probe.engine)), score,
                          score.kl - (on_fast ? a.fast_base : a.exact_base).kl,
                          planner.cost(most_precise_configuration().with(probe.group, probe.setting))});
      steps.done();
    }
    if (options.layers) a.layers = by_layer(fast, a.fast_base.kl, layers, steps);
  }
  auto path = descend(a.groups, planner.cost(most_precise_configuration()));
  add_presets(path, facts);
  for (const auto& [name, configuration] : path) {
    const bool measured = configuration == most_precise_configuration();
    const Score score = measured ? a.exact_base : exact.measure(to_precision(configuration));
    a.points.push_back({name, configuration, score, planner.cost(configuration), false});
    steps.done();
  }
  a.target = target_of(options.target, a.points);
  if (options.layers) add_mixtures(a, exact, planner, steps);
  mark_front(a.points);
  a.chosen = choose(a.points, a.target);
  const std::size_t answer = a.chosen ? *a.chosen : nearest(a.points, a.target);
  a.answer_decode = exact.measure_decode(to_precision(a.points[answer].configuration));
  steps.done();
  return a;
}

std::vector<GridCell> fidelity_grid(const io::Checkpoint& checkpoint, const std::vector<std::int32_t>& ids,
                                    const std::function<void(int, int)>& on_step) {
  Steps steps(25, on_step);
  const Logits reference = reference_logits(checkpoint, ids);
  steps.done();
  Bench exact(Engine::Exact, checkpoint, ids, reference);
  std::vector<GridCell> cells;
  for (const DataType weights : {DataType::BFLOAT4_B, DataType::BFLOAT8_B, DataType::BFLOAT16}) {
    for (const MathFidelity fidelity :
         {MathFidelity::LoFi, MathFidelity::HiFi2, MathFidelity::HiFi3, MathFidelity::HiFi4}) {
      for (const bool fp32_dest : {false, true}) {
        const nn::Fidelity how = ComputeKernelConfig{fidelity, false, fp32_dest, true};
        models::Precision p = to_precision(most_precise_configuration());
        p.decoder = {weights, weights, weights, weights, {{how, how, how, how, how, how}, {how, how}}};
        p.lm_head = weights;
        p.lm_head_fidelity = how;
        cells.push_back({weights, fidelity, fp32_dest, exact.measure(p)});
        steps.done();
      }
    }
  }
  return cells;
}

}  // namespace tessera::verify
