#pragma once
// How fast a model is, by the wall clock.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "generate/model_session.hpp"
#include "generate/roofline.hpp"

namespace tessera::generate {

struct BenchOptions {
  int prompt = 512;                 // tokens of each user's prompt
  int gen = 64;                     // decode steps of a measurement
  std::vector<int> batches{1, 32};  // users of each copy of the model
  int repeats = 3;
  bool prefill = true, decode = true;  // which are measured; decode needs an unmeasured prefill first
  bool roofline = false;               // measures the machine and, op by op, an eager step of each
};

/// Of the repeats.
struct Spread {
  double median = 0, min = 0, max = 0;
};

struct BenchResult {
  std::string kind;  // "prefill" or "decode"
  int batch = 1;     // users, of all copies together
  int prompt = 0;    // tokens of a prompt
  int context = 0;   // positions at the end of the measurement
  Spread tok_s;      // all users together
  Spread ms;         // prefill: of all prompts, to their first tokens; decode: of one step
  int repeats = 0;
};

struct BenchReport {
  std::string model, adapter, device, engine, precision, isa;
  std::string mesh;  // "1x8"; empty: one chip
  int copies = 1;    // of the model, on the mesh
  int threads = 1;
  bool async = false, trace = true;
  double load_s = 0;   // of the weights, from the weight cache or the checkpoint
  double ttft_ms = 0;  // one user: start of the prefill to the first token
  std::int64_t weights_bytes = 0, kv_bytes = 0, peak_bytes = 0;  // the account of the device, or of chip 0
  std::int64_t host_peak_bytes = 0;                              // resident set of the process
  std::vector<BenchResult> results;
  std::optional<Roofline> roofline;
};

/// Loads the weights and measures each batch: prefill of every user's prompt one after the other, then `gen`
/// decode steps from there, `repeats` times each (the prefill of several users once: it is as long as all
/// repeats of one). On a mesh the slowest chip counts, and only rank 0 of a launcher's processes has a
/// report. Prompts are random tokens, greedy sampling is part of each step. `on_step` is told before each
/// measurement. A roofline is of the fast engine on one chip. Throws UserError for sizes that do not fit;
/// Interrupted.
BenchReport run_bench(const ModelChoice& choice, const BenchOptions& options,
                      const std::function<void(const std::string&)>& on_step = {});

}  // namespace tessera::generate
