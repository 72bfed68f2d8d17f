// Item 10: the chips of a mesh against one device: each with a copy of the model, all sharing one, and what
// lies between.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "comm/mpi/mpi_world.hpp"
#include "generate/generator.hpp"
#include "generate/model_session.hpp"
#include "metrics/compare.hpp"
#include "metrics/logits.hpp"
#include "util/error.hpp"
#include "verify/mesh_ways.hpp"
#include "verify/phases.hpp"

namespace tessera::verify {
namespace {

// What rank 0 tells the ranks that wait for it.
enum class Call : std::int32_t { End, Mesh };

Call broadcast(comm::Group& group, Call call) {
  group.broadcast(std::as_writable_bytes(std::span(&call, 1)), 0);
  return call;
}

std::span<const float> row_of(const MeshOutcome& outcome, std::size_t row, std::size_t vocab) {
  return std::span(outcome.logits).subspan(row * vocab, vocab);
}

void compare_logits(const MeshOutcome& one, const MeshOutcome& all, std::size_t rows, report::MeshWay& way) {
  const std::size_t vocab = one.logits.size() / rows;
  for (std::size_t row = 0; row < rows; ++row) {
    const auto result = metrics::compare(row_of(one, row, vocab), row_of(all, row, vocab));
    way.pcc = std::min(way.pcc, result.pcc);
    way.max_abs = std::max(way.max_abs, result.max_abs);
  }
}

// Where a user's text first leaves that of one device, the device's own logits say how close the two tokens
// were: teacher-forced along the common text.
double margin_at(const nn::CausalLm& model, const MeshTask& task, std::size_t user,
                 std::span<const std::int32_t> common, std::int32_t own, std::int32_t other) {
  generate::Generator generator(model, {.users = 1, .context = task.context});
  std::vector<std::int32_t> ids = task.prompts[user];
  ids.insert(ids.end(), common.begin(), common.end());
  const std::vector<float> logits = generator.prefill(ids).to_vector();
  return std::abs(logits[static_cast<std::size_t>(own)] - logits[static_cast<std::size_t>(other)]);
}

void compare_tokens(const nn::CausalLm& model, const MeshTask& task, const MeshOutcome& one,
                    const MeshOutcome& all, report::MeshWay& way) {
  const auto greedy = static_cast<std::size_t>(task.greedy);
  for (std::size_t user = 0; user < task.prompts.size(); ++user) {
    const auto own = std::span(one.tokens).subspan(user * greedy, greedy);
    const auto other = std::span(all.tokens).subspan(user * greedy, greedy);
    const auto at = static_cast<std::size_t>(std::ranges::mismatch(own, other).in1 - own.begin());
    if (at == greedy) {
      ++way.equal_users;
    } else {
      way.margin = std::max(way.margin, margin_at(model, task, user, own.first(at), own[at], other[at]));
    }
  }
}

report::MeshWay judge_way(const Session& s, const MeshTask& task, const MeshOutcome& one,
                          const WayOutcome& outcome, const Way& taken, int chips) {
  report::MeshWay way;
  way.name = name_of(taken, chips);
  way.data_parallel = taken.copies;
  way.tensor_parallel = chips / taken.copies;
  way.users = task.users();
  compare_logits(one, outcome.all, static_cast<std::size_t>(task.users() * task.rows()), way);
  compare_tokens(*s.model, task, one, outcome.all, way);
  way.prefill_tok_s = outcome.all.prefill_tok_s;
  way.decode_tok_s = outcome.all.decode_tok_s;
  way.as_planned = std::ranges::all_of(outcome.chips, &ChipBytes::as_planned);
  for (const ChipBytes& chip : outcome.chips) {
    way.weights_bytes = std::max(way.weights_bytes, chip.weights);
    way.kv_bytes = std::max(way.kv_bytes, chip.kv);
  }
  // A text may leave the device's where two tokens are closer than the logits agree: each may be off by so
  // much.
  way.pass = way.pcc >= s.thresholds.op && way.as_planned &&
             (way.equal_users == way.users || way.margin <= 2 * way.max_abs);
  return way;
}

report::MeshWay one_device(const Session& s, const MeshTask& task, MeshOutcome& outcome) {
  report::MeshWay way;
  way.name = "one device";
  way.users = way.equal_users = task.users();
  way.pass = way.as_planned = true;
  way.weights_bytes = s.device->memory().allocated(MemoryKind::Weights);
  outcome = run_copy(*s.model, task, 0, task.users(),
                     [&] { way.kv_bytes = s.device->memory().allocated(MemoryKind::KvCache); });
  way.prefill_tok_s = outcome.prefill_tok_s;
  way.decode_tok_s = outcome.decode_tok_s;
  return way;
}

std::string evidence_of(const report::Mesh& mesh, int greedy) {
  const auto lowest = std::ranges::min(mesh.ways, {}, &report::MeshWay::pcc);
  int equal = 0, users = 0;
  for (const report::MeshWay& way : std::span(mesh.ways).subspan(1)) {
    equal += way.equal_users;
    users += way.users;
  }
  const report::MeshWay &one = mesh.ways.front(), &shared = mesh.ways[1];
  std::string left_out;
  for (const report::LeftOutWay& way : mesh.left_out)
    left_out += fmt::format("; left out: {}: {}", way.name, way.reason);
  return fmt::format(
      "mesh {} ({}): {} ways of sharing {} users against one device: logits PCC {:.6f} at least, {} of {} "
      "texts of {} tokens equal; weights a chip {:.1f} MB of {:.1f} MB with {}, to the byte as counted "
      "without them{}",
      mesh.shape, mesh.transport, mesh.ways.size() - 1, one.users, lowest.pcc, equal, users, greedy,
      static_cast<double>(shared.weights_bytes) / 1e6, static_cast<double>(one.weights_bytes) / 1e6,
      shared.name, left_out);
}

std::string reason_of(const report::MeshWay& way, double threshold) {
  if (way.pcc < threshold)
    return fmt::format("{}: logits PCC {:.6f}, needs {:g}", way.name, way.pcc, threshold);
  if (!way.as_planned)
    return fmt::format("{}: a chip holds other bytes than the meta engine counts for it", way.name);
  return fmt::format(
      "{}: {} of {} texts leave one device's, at a margin of {:.4f} where logits differ by {:.4f}", way.name,
      way.users - way.equal_users, way.users, way.margin, way.max_abs);
}

WayOutcome run_on(comm::MeshDevice& mesh, const MeshTask& task, const Way& way) {
  WayOutcome outcome;
  mesh.run([&](const comm::Chip& chip) {
    WayOutcome mine = run_way(chip, mesh.shape(), task, way);
    if (chip.rank == mesh.local_ranks().front()) outcome = std::move(mine);
  });
  return outcome;
}

}  // namespace

void run_mesh(Session& s, comm::MeshDevice* mesh, const models::Precision& precision,
              report::BringupReport& report) {
  if (mesh == nullptr) {
    checklist_item(report, 10).reason =
        fmt::format("{} has one chip: give --mesh 1x2, or a device of several chips", s.device->sheet().name);
    return;
  }
  const auto processes = comm::mpi_world();
  if (processes) broadcast(*processes, Call::Mesh);
  const int chips = mesh->shape().chips();
  const MeshTask task = make_mesh_task(*s.checkpoint, s.forced_tokens(kMeshText), precision,
                                       s.device->engine(), s.context, chips);
  report.mesh = {comm::to_string(mesh->shape()), processes ? "MPI" : "threads", {}, {}};
  MeshOutcome one;
  report.mesh.ways.push_back(one_device(s, task, one));
  Ways ways = ways_of(mesh->shape(), s.config(), s.device->engine());
  report.mesh.left_out = std::move(ways.left_out);
  for (const Way& way : ways.taken)
    report.mesh.ways.push_back(judge_way(s, task, one, run_on(*mesh, task, way), way, chips));
  const auto failed = std::ranges::find(report.mesh.ways, false, &report::MeshWay::pass);
  const bool pass = failed == report.mesh.ways.end();
  conclude(report, 10, pass, evidence_of(report.mesh, task.greedy),
           pass ? "" : reason_of(*failed, s.thresholds.op));
}

void end_mesh() {
  if (const auto processes = comm::mpi_world()) broadcast(*processes, Call::End);
}

void join_mesh(const io::Checkpoint& checkpoint, const std::vector<std::int32_t>& text,
               const models::Precision& precision, int context, comm::MeshDevice& mesh) {
  const auto processes = comm::mpi_world();
  const double limit = processes->timeout();
  for (;;) {
    processes->set_timeout(0);  // rank 0 does the ladder first, and fails aloud
    const Call call = broadcast(*processes, Call::End);
    processes->set_timeout(limit);
    if (call == Call::End) return;
    // Rank 0 measures one device first.
    const Engine engine = mesh.device(mesh.local_ranks().front()).engine();
    const MeshTask task = make_mesh_task(checkpoint, text, precision, engine, context, mesh.shape().chips());
    for (const Way& way : ways_of(mesh.shape(), checkpoint.config(), engine).taken) run_on(mesh, task, way);
  }
}

}  // namespace tessera::verify
