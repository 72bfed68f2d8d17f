#pragma once
// `tessera advise`: what each group's precision costs in accuracy, what it saves on the card, and which
// configuration meets a target.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/checkpoint.hpp"
#include "plan/model_facts.hpp"
#include "verify/advise/configuration.hpp"
#include "verify/advise/score.hpp"

namespace tessera::verify {

/// What must hold of a configuration; what is not given is not asked for.
struct Target {
  std::optional<double> top1 = {}, top5 = {};  // per cent, at least
  std::optional<double> kl = {};               // nats, at most

  bool any() const { return top1 || top5 || kl; }
  bool met_by(const Score& score) const;
};

/// "top-1 >= 95 % and KL <= 0.01"
std::string describe(const Target& target);

struct AdviseOptions {
  std::string device = "n150";  // of the predictions
  int batch = 1;
  int context = 0;     // positions a user; 0: 4096 or the model's limit
  bool layers = true;  // the sensitivity layer by layer, and configurations that differ by layer
  Target target = {};
};

/// On the card, from the planner.
struct Cost {
  std::int64_t weights_bytes = 0, needed_bytes = 0;  // of one chip
  double decode_tok_s = 0;                           // of a user
  double ttft_ms = 0;                                // of 128 tokens
};

/// One group away from the most precise configuration of the same engine.
struct Sensitivity {
  Group group = Group::Ff1Ff3;
  Setting setting;
  std::string engine;
  Score score;
  double added_kl = 0;  // over that configuration's own
  Cost cost;            // with this group changed alone
};

/// One group of one layer in bfloat4_b, on the fast engine.
struct LayerSensitivity {
  Group group = Group::Ff1Ff3;
  int layer = 0;
  double added_kl = 0;
};

/// A whole configuration, measured on the exact engine.
struct Point {
  std::string name;
  Configuration configuration;
  Score score;
  Cost cost;
  bool on_front = false;
};

struct Advice {
  std::string model, device;
  int batch = 1, context = 0, tokens = 0, layer_count = 0;
  double reference_perplexity = 0;
  Score exact_base, fast_base;  // the most precise configuration on both engines
  std::vector<Sensitivity> groups;
  std::vector<LayerSensitivity> layers;
  std::vector<Point> points;
  Target target;                      // as asked for, or what stands in for it
  std::optional<std::size_t> chosen;  // of points; empty: none meets the target
  Score answer_decode;                // of that point, or the nearest, one token at a time
};

/// Runs the text `ids` (two tokens at least) on the reference, then on each configuration; `on_step` is told
/// how many runs there are and after each how many are done. Throws UserError, Interrupted.
Advice advise(const io::Checkpoint& checkpoint, const plan::ModelFacts& facts,
              const std::vector<std::int32_t>& ids, const AdviseOptions& options,
              const std::function<void(int done, int of)>& on_step = {});

/// A cell of the table of whole models: one dtype, one fidelity, one kind of Dest for all matmuls.
struct GridCell {
  DataType weights = DataType::BFLOAT16;
  MathFidelity fidelity = MathFidelity::HiFi4;
  bool fp32_dest = false;
  Score score;
};

/// bfloat4_b, bfloat8_b, bfloat16 x LoFi to HiFi4 x 16-bit and fp32 Dest on the exact engine; the weights
/// are those of the layers and of the LM head, the fidelity that of every matmul and of attention.
std::vector<GridCell> fidelity_grid(const io::Checkpoint& checkpoint, const std::vector<std::int32_t>& ids,
                                    const std::function<void(int done, int of)>& on_step = {});

}  // namespace tessera::verify
