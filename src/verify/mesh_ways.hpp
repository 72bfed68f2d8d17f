#pragma once
// The same work on one device and on the chips of a mesh, by every way of sharing it.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "comm/mesh_device.hpp"
#include "io/checkpoint.hpp"
#include "models/precision.hpp"
#include "nn/causal_lm.hpp"
#include "report/bringup_report.hpp"

namespace tessera::verify {

/// What every way does, for as many users as the mesh has chips: the whole prompt, then the forced tokens one
/// by one (their logits are compared), then, from the prompt anew, greedy tokens (they are compared and
/// timed).
struct MeshTask {
  const io::Checkpoint* checkpoint = nullptr;
  models::Precision precision;
  int positions = 0;  // of the models, as of the one device's: RoPE may depend on how many there are
  int context = 0;    // of the caches
  std::vector<std::vector<std::int32_t>> prompts, forced;  // by user, of one length each
  int greedy = 0;

  int users() const { return static_cast<int>(prompts.size()); }
  /// Logits of a user that are compared: the prompt's last kComparedRows, and the forced steps.
  std::int64_t rows() const;
};
constexpr std::int64_t kComparedRows = 8;

/// Of one or all copies of the model: users in order.
struct MeshOutcome {
  std::vector<float> logits;                   // [users, rows, vocab]
  std::vector<std::int32_t> tokens;            // [users, greedy]
  double prefill_tok_s = 0, decode_tok_s = 0;  // of all users together
};

/// The users `first` to `first + count - 1` on one copy. `together` is called when the timed part begins.
MeshOutcome run_copy(const nn::CausalLm& model, const MeshTask& task, int first, int count,
                     const std::function<void()>& together = {});

/// What a chip holds, and what the meta engine had counted for it.
struct ChipBytes {
  std::int64_t weights = 0, kv = 0, planned_weights = 0, planned_kv = 0;
  bool as_planned() const { return weights == planned_weights && kv == planned_kv; }
};

struct WayOutcome {
  MeshOutcome all;               // on rank 0 only
  std::vector<ChipBytes> chips;  // by rank, on all
};

/// One way of sharing the work: so many copies, each on the chips of an equal part of the mesh.
struct Way {
  int copies = 1;
  nn::TensorPlan tensor = {};
};
/// "tensor parallel 8", "data parallel 2 x tensor parallel 4", "data parallel 8".
std::string name_of(const Way& way, int chips);

/// Called by all ranks of the mesh.
WayOutcome run_way(const comm::Chip& chip, const comm::MeshShape& mesh, const MeshTask& task, const Way& way);

struct Ways {
  std::vector<Way> taken;
  std::vector<report::LeftOutWay> left_out;  // forms that the family does not have
};

/// Every number of copies that divides the mesh, 1 (all chips share one) to one a chip; and one that all
/// share with a fractured residual stream, and in rows and columns where there are both. Chips that cannot
/// share a copy in the plain form do so in the one that the family has. What the engine cannot compute is
/// left out too.
Ways ways_of(const comm::MeshShape& mesh, const io::ModelConfig& config, Engine engine);

/// From the forced text, each user somewhere else in it.
MeshTask make_mesh_task(const io::Checkpoint& checkpoint, const std::vector<std::int32_t>& text,
                        const models::Precision& precision, Engine engine, int context, int users);

}  // namespace tessera::verify
