#include "verify/mesh_ways.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "comm/meta/meta_group.hpp"
#include "comm/replicas.hpp"
#include "generate/generate_text.hpp"
#include "generate/generator.hpp"
#include "models/load_model.hpp"
#include "models/tensor_plan.hpp"
#include "nn/parallel.hpp"
#include "ops/slice/slice.hpp"
#include "util/error.hpp"

namespace tessera::verify {
namespace {

constexpr int kPrompt = 24, kForced = 8;
// ref computes a token in a second where fast takes 20 ms.
constexpr int kGreedy = 64, kGreedyOnRef = 8;

void append(std::vector<float>& to, const std::vector<float>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// The prompts whole, then the forced tokens: all logits that are compared, user by user.
std::vector<float> compared_logits(generate::Generator& generator, const MeshTask& task, int first,
                                   int count) {
  const auto users = static_cast<std::size_t>(count);
  std::vector<std::vector<float>> by_user(users);
  for (std::size_t u = 0; u < users; ++u) {
    const auto& prompt = task.prompts[static_cast<std::size_t>(first) + u];
    const Tensor hidden = generator.prefill_hidden(prompt, static_cast<int>(u));
    const Shape& shape = hidden.logical_shape();
    const std::array<std::int64_t, 4> begin{0, 0, std::max<std::int64_t>(0, shape[2] - kComparedRows), 0},
        end{1, 1, shape[2], shape[3]};
    by_user[u] = generator.model().logits(slice(hidden, begin, end)).to_vector();
  }
  std::vector<std::int32_t> tokens(users), positions(users);
  for (std::size_t step = 0; step < task.forced[0].size(); ++step) {
    for (std::size_t u = 0; u < users; ++u) {
      tokens[u] = task.forced[static_cast<std::size_t>(first) + u][step];
      positions[u] = static_cast<std::int32_t>(task.prompts[0].size() + step);
    }
    const std::vector<float> logits = generator.decode(tokens, positions).to_vector();
    const std::size_t vocab = logits.size() / users;
    for (std::size_t u = 0; u < users; ++u) {
      const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(u * vocab);
      by_user[u].insert(by_user[u].end(), begin, begin + static_cast<std::ptrdiff_t>(vocab));
    }
  }
  std::vector<float> all;
  for (const auto& values : by_user) append(all, values);
  return all;
}

// What the meta engine counts for a chip of such a copy.
ChipBytes planned(const MeshTask& task, std::string_view sheet, const comm::Group& copy,
                  const nn::TensorPlan& tensor, int users) {
  const auto meta = Device::open(sheet, Engine::Meta);
  const auto model = models::load_meta_model(*meta, task.checkpoint->config(),
                                             {.precision = task.precision,
                                              .max_seq = task.positions,
                                              .group = comm::meta_group(copy.size(), copy.rank()),
                                              .tensor = tensor});
  const generate::Generator generator(*model, {.users = users, .context = task.context});
  ChipBytes bytes;
  bytes.planned_weights = meta->memory().allocated(MemoryKind::Weights);
  bytes.planned_kv = meta->memory().allocated(MemoryKind::KvCache);
  return bytes;
}

// The copies' results side by side, among the first chips of the copies.
MeshOutcome join_copies(const MeshOutcome& mine, comm::Group& leaders) {
  const auto n = static_cast<std::size_t>(leaders.size());
  MeshOutcome all;
  all.logits.resize(mine.logits.size() * n);
  all.tokens.resize(mine.tokens.size() * n);
  leaders.all_gather(std::span(mine.logits), std::span(all.logits));
  leaders.all_gather(std::span(mine.tokens), std::span(all.tokens));
  const std::array<double, 2> speeds{mine.prefill_tok_s, mine.decode_tok_s};
  std::vector<double> of_all(2 * n);
  leaders.all_gather(std::span<const double>(speeds), std::span(of_all));
  // The slowest copy is what a user of all of them waits for.
  all.prefill_tok_s = all.decode_tok_s = HUGE_VAL;
  for (std::size_t i = 0; i < n; ++i) {
    all.prefill_tok_s = std::min(all.prefill_tok_s, of_all[2 * i] * static_cast<double>(n));
    all.decode_tok_s = std::min(all.decode_tok_s, of_all[2 * i + 1] * static_cast<double>(n));
  }
  return all;
}

}  // namespace

std::int64_t MeshTask::rows() const {
  return std::min<std::int64_t>(kComparedRows, static_cast<std::int64_t>(prompts[0].size())) +
         static_cast<std::int64_t>(forced[0].size());
}

MeshOutcome run_copy(const nn::CausalLm& model, const MeshTask& task, int first, int count,
                     const std::function<void()>& together) {
  generate::Generator generator(model, {.users = count, .context = task.context});
  MeshOutcome outcome;
  outcome.logits = compared_logits(generator, task, first, count);
  std::vector<generate::Request> requests;
  for (int u = 0; u < count; ++u) {
    generator.release(u);
    requests.push_back({.prompt = task.prompts[static_cast<std::size_t>(first) + static_cast<std::size_t>(u)],
                        .max_new_tokens = task.greedy});
  }
  if (together) together();
  generate::Timings timings;
  for (const auto& result : generate::generate(generator, requests, {}, &timings))
    outcome.tokens.insert(outcome.tokens.end(), result.tokens.begin(), result.tokens.end());
  outcome.prefill_tok_s = timings.prefill_tok_s;
  outcome.decode_tok_s = timings.decode_tok_s;
  return outcome;
}

WayOutcome run_way(const comm::Chip& chip, const comm::MeshShape& mesh, const MeshTask& task,
                   const Way& way) {
  const comm::ReplicaGroup copy = comm::replica_of(chip, mesh, way.copies);
  const int users = task.users() / way.copies;
  // Whole weights are in the cache already; parts that are used once need not be kept.
  const auto model = models::load_model(chip.device, *task.checkpoint,
                                        {.precision = task.precision,
                                         .max_seq = task.positions,
                                         .use_weight_cache = copy.chips->size() == 1,
                                         .group = copy.chips,
                                         .tensor = way.tensor});
  chip.mesh->barrier_after_loading();
  WayOutcome outcome;
  ChipBytes bytes = planned(task, chip.device.sheet().name, *copy.chips, way.tensor, users);
  bytes.weights = chip.device.memory().allocated(MemoryKind::Weights);
  const MeshOutcome mine = run_copy(*model, task, copy.index * users, users, [&] {
    bytes.kv = chip.device.memory().allocated(MemoryKind::KvCache);
    chip.mesh->barrier();
  });
  outcome.chips.resize(static_cast<std::size_t>(mesh.chips()));
  chip.mesh->all_gather(std::span<const ChipBytes>(&bytes, 1), std::span(outcome.chips));
  if (copy.chips->rank() == 0) {
    std::vector<int> leaders;
    for (int rank = 0; rank < mesh.chips(); ++rank) {
      const comm::MeshShape part = comm::replica_shape(mesh, way.copies);
      if (rank / mesh.cols % part.rows == 0 && rank % mesh.cols % part.cols == 0) leaders.push_back(rank);
    }
    outcome.all = join_copies(mine, *chip.mesh->subgroup(leaders));
  }
  chip.mesh->barrier();
  return outcome;
}

std::string name_of(const Way& way, int chips) {
  if (way.copies == chips) return fmt::format("data parallel {}", way.copies);
  const std::string shared = nn::describe(way.tensor, chips / way.copies);
  return way.copies == 1 ? shared : fmt::format("data parallel {} x {}", way.copies, shared);
}

Ways ways_of(const comm::MeshShape& mesh, const io::ModelConfig& config, Engine engine) {
  const int chips = mesh.chips();
  Ways ways;
  const auto take = [&](const Way& way) {
    const int sharing = chips / way.copies;
    std::string reason = models::why_not_divided(config, way.tensor, sharing);
    if (reason.empty() && engine == Engine::Exact && nn::hidden_parts_of(way.tensor, sharing) > 1)
      reason = "the exact engine has no model of distributed norms: use replicated";
    if (reason.empty()) {
      ways.taken.push_back(way);
    } else {
      ways.left_out.push_back({name_of(way, chips), reason});
    }
    return reason.empty();
  };
  for (int copies = 1; copies <= chips; ++copies) {
    const int rows = std::gcd(mesh.rows, copies);
    if (chips % copies != 0 || mesh.cols % (copies / rows) != 0) continue;
    if (!take({copies})) take({copies, {nn::TensorForm::Grid, chips / copies}});
  }
  if (chips > 1) take({1, {nn::TensorForm::Fractured}});
  if (mesh.rows > 1 && mesh.cols > 1) take({1, {nn::TensorForm::Grid, mesh.cols}});
  return ways;
}

MeshTask make_mesh_task(const io::Checkpoint& checkpoint, const std::vector<std::int32_t>& text,
                        const models::Precision& precision, Engine engine, int context, int users) {
  MeshTask task;
  task.checkpoint = &checkpoint;
  task.precision = precision;
  task.positions = context;
  task.greedy = std::min(engine == Engine::Ref ? kGreedyOnRef : kGreedy, context - kPrompt - kForced);
  check(task.greedy > 0 && !text.empty(), "mesh: a context of {}: at least {} positions are needed", context,
        kPrompt + kForced + 1);
  task.context = (kPrompt + std::max(kForced, task.greedy) + 31) / 32 * 32;
  task.context = std::min(task.context, context);
  for (int u = 0; u < users; ++u) {
    std::vector<std::int32_t> ids;
    ids.reserve(kPrompt + kForced);
    for (int i = 0; i < kPrompt + kForced; ++i)
      ids.push_back(text[static_cast<std::size_t>(u * kForced + i) % text.size()]);
    task.prompts.emplace_back(ids.begin(), ids.begin() + kPrompt);
    task.forced.emplace_back(ids.begin() + kPrompt, ids.end());
  }
  return task;
}

}  // namespace tessera::verify
