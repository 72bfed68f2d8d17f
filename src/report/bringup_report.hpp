#pragma once
// What a bring-up found, as plain data: verify fills it, report turns it into JSON, HTML and a summary.
#include <cstdint>
#include <string>
#include <vector>

namespace tessera::report {

enum class Status { Pass, Fail, Skipped };

/// One item of the guide's checklist (1..10).
struct ChecklistItem {
  int item = 0;
  std::string title;
  Status status = Status::Skipped;
  std::string reason;    // why failed or skipped; empty on pass
  std::string evidence;  // one sentence with figures
  bool operator==(const ChecklistItem&) const = default;
};

/// One op or module held against the reference.
struct OpResult {
  std::string phase;  // what left it: "modules", "layers", "decode", "prefill"
  std::string mode;   // "decode" | "prefill"
  int layer = -1;     // -1: outside the layers
  std::string path;   // "layers.3.self_attn.qkv"
  std::string op;     // "linear", or a module name: "attention", "mlp"
  std::string input;  // "normal", "heavy_tailed", "small", "captured", or the prompt: "prompt", "chat"
  double pcc = 0, max_abs = 0, rel_l2 = 0;  // local: on the reference's inputs
  double scale = 1;  // least-squares slope of device on reference: 1 unless a scale error hides behind PCC
  double threshold = 0;
  bool pass = false;
  double ms = 0;
  double own_pcc = 1;    // of the output in the device's own run (inherited and local error together)
  double input_pcc = 1;  // of the worst input in that run
  std::string note;      // what else is worth saying: "scale 2.00", "the reference ran ..."
  bool operator==(const OpResult&) const = default;
};

/// The hidden states after one layer, over the tokens of a forced text.
struct LayerResult {
  std::string mode;
  int layer = 0;
  double pcc = 0, max_abs = 0, rel_l2 = 0;  // pcc, rel_l2: every token counted alike (metrics::RowComparison)
  double threshold = 0;
  bool pass = false;
  double plain_pcc = 0;  // of the values as they are, which one large token may decide
  int worst_token = 0;   // the token that is furthest off
  double worst_token_rel_l2 = 0;
  double ms = 0;     // the device's ops in this layer, all tokens
  std::string note;  // what fails beside the PCC: "row 5 is off by 0.312 of its own size"
  bool operator==(const LayerResult&) const = default;
};

/// One position of a token comparison.
struct TokenResult {
  int reference = 0, device = 0;
  bool top1 = false, top5 = false;
  double kl = 0;
  double margin = 0;              // reference logit of its own token minus that of the device's token
  std::string text, device_text;  // the two tokens, decoded
  bool operator==(const TokenResult&) const = default;
};

struct Accuracy {
  std::string text;  // what was compared: "generated" or "forced"
  int tokens = 0;
  double top1 = 0, top5 = 0;  // percent
  double kl_mean = 0, kl_max = 0;
  double final_pcc = 0, max_abs = 0, rel_l2 = 0;  // of the logits, all positions together
  bool logits_pass = false;                       // they are within the model's threshold
  bool pass = false;                              // so are they, top-1 and top-5
  double ms = 0;                                  // the device's part
  std::string note;                               // what PCC alone would hide of the logits
  std::vector<TokenResult> positions;
  bool operator==(const Accuracy&) const = default;
};

struct Generation {
  std::string prompt, text, reference_text;
  std::vector<int> tokens, reference_tokens;
  int first_divergence = -1;  // -1: equal
  double similarity = 1;      // 0..1, of the texts
  std::string garbage;  // what the repetition/garbage check found and not in the reference; empty: nothing
  bool chat = false;
  std::string mode;  // how the prompt went in: "decode" (token by token) | "prefill"
  bool operator==(const Generation&) const = default;
};

/// One equality of the equivalence suite, e.g. "prefill in chunks of 64", against a prefill in one.
struct Equivalence {
  std::string name, what;  // what: "logits" | "keys" | "values" | "tokens"
  double pcc = 0, max_abs = 0, rel_l2 = 0;
  bool equal = false;  // bit for bit
  bool pass = false;
  double ms = 0;  // of the other way's run
  bool operator==(const Equivalence&) const = default;
};

struct Memory {
  // As the device counts them. peak_bytes: of the end-to-end run (item 8), 0 when it was not run.
  std::int64_t weights_bytes = 0, kv_bytes = 0, peak_bytes = 0;
  std::int64_t ladder_peak_bytes = 0;  // of all phases, steps of 32 users among them
  std::int64_t host_peak_bytes = 0;    // peak resident set of the process
  std::int64_t device_capacity_bytes = 0;
  bool operator==(const Memory&) const = default;
};

struct Performance {
  double prefill_tok_s = 0, decode_tok_s = 0, ttft_ms = 0;
  bool operator==(const Performance&) const = default;
};

/// One way of running decode steps.
struct StepWay {
  std::string name;    // "eager", "traced", ...
  double step_ms = 0;  // median
  double host_ms = 0;  // of which the host spends issuing; 0: not measured apart
  bool equal = false;  // the tokens and logits of the first way, bit for bit
  bool operator==(const StepWay&) const = default;
};

struct TraceSize {
  int commands = 0;
  std::int64_t region_bytes = 0, arena_bytes = 0;
  bool operator==(const TraceSize&) const = default;
};

/// A command on a queue, from begin to end.
struct TimelineEntry {
  int queue = 0;
  std::string name, path;
  double begin_ms = 0, end_ms = 0;
  bool operator==(const TimelineEntry&) const = default;
};

/// One way of sharing the work among the chips of a mesh, held against one device; the first is that device.
struct MeshWay {
  std::string name;  // "data parallel 2 x tensor parallel 4"
  int data_parallel = 1, tensor_parallel = 1;
  int users = 0, equal_users = 0;                // whose greedy text is that of one device
  double pcc = 1, max_abs = 0;                   // of the logits: the worst row
  double margin = 0;                             // between the two tokens where a text first differs, at most
  double prefill_tok_s = 0, decode_tok_s = 0;    // all users together
  std::int64_t weights_bytes = 0, kv_bytes = 0;  // of the chip that holds most
  bool as_planned = false;                       // every chip holds what the meta engine counts for it
  bool pass = false;
  bool operator==(const MeshWay&) const = default;
};

/// A way that the model's family does not have.
struct LeftOutWay {
  std::string name, reason;
  bool operator==(const LeftOutWay&) const = default;
};

struct Mesh {
  std::string shape, transport;  // "2x4"; "threads" | "MPI"
  std::vector<MeshWay> ways;
  std::vector<LeftOutWay> left_out = {};
  bool operator==(const Mesh&) const = default;
};

struct BringupReport {
  std::string model, architecture, device, engine, precision, isa, date, version;
  int threads = 0;
  std::string baseline;  // what item 1 was held against
  std::vector<ChecklistItem> checklist;
  std::vector<OpResult> ops;
  std::vector<LayerResult> layers;
  std::vector<Accuracy> accuracy;  // the first is the one of the JSON's `accuracy`
  std::vector<Generation> generations;
  std::vector<Equivalence> equivalences;
  Memory memory;
  Performance performance;
  std::vector<StepWay> ways;
  TraceSize trace;
  std::vector<TimelineEntry> timeline;  // of a few traced steps on two queues
  Mesh mesh;
  double seconds = 0;
  std::vector<std::pair<std::string, std::string>> config;  // shown as a table: "hidden_size" -> "576"
  std::vector<std::pair<std::string, double>> thresholds;  // what the verdicts were held to: "layer" -> 0.998
  bool operator==(const BringupReport&) const = default;
};

}  // namespace tessera::report
