#include "verify/bringup.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <limits>
#include <span>

#include "comm/mpi/mpi_world.hpp"
#include "generate/generate_text.hpp"
#include "generate/model_session.hpp"
#include "io/catalogue.hpp"
#include "io/golden.hpp"
#include "models/load_model.hpp"
#include "ops/isa.hpp"
#include "report/bringup_html.hpp"
#include "report/bringup_json.hpp"
#include "report/trace_events.hpp"
#include "util/clock.hpp"
#include "util/error.hpp"
#include "util/file.hpp"
#include "util/interrupt.hpp"
#include "util/parallel.hpp"
#include "verify/golden_lookup.hpp"
#include "verify/phases.hpp"
#include "verify/replay_file.hpp"
#include "verify/state.hpp"

namespace tessera::verify {
namespace {

constexpr int kPhases = 8;

// The forced text takes 400 positions, and so do texts behind a chat prompt.
constexpr std::int64_t kOtherPositions = 640;

// One for each of the 32 users of a captured step, who stand one behind the other.
constexpr std::int64_t kLeastContext = 32;

constexpr std::array<const char*, kPhases> kPhaseNames{
    "baseline",          "phase 1: decode modules",         "phase 2: layers",           "phase 3: decode",
    "phase 4: accuracy", "phase 5: prefill and end to end", "phase 6: trace and queues", "phase 7: mesh"};

std::vector<int> chosen_phases(const BringupOptions& options) {
  std::vector<int> phases = options.phases;
  if (phases.empty()) phases = {0, 1, 2, 3, 4, 5, 6, 7};
  for (const int phase : phases) {
    check(phase >= 0 && phase < kPhases, "--phases {}: 0 (baseline) to 7 (mesh) are known", phase);
  }
  std::ranges::sort(phases);
  phases.erase(std::ranges::unique(phases).begin(), phases.end());
  return phases;
}

void describe_run(const Session& s, const BringupOptions& options, report::BringupReport& report) {
  const io::ModelConfig& c = s.config();
  report.model = options.model;
  report.architecture = c.architecture;
  report.device = options.device;
  report.engine = options.engine;
  report.precision = options.precision;
  report.isa = current_isa();
  report.threads = num_threads();
  report.version = TESSERA_VERSION;
  report.date = fmt::format("{:%Y-%m-%d %H:%M}", fmt::localtime(std::time(nullptr)));
  report.thresholds = list_thresholds(options.thresholds);
  report.config = {{"hidden_size", std::to_string(c.hidden_size)},
                   {"num_hidden_layers", std::to_string(c.num_hidden_layers)},
                   {"num_attention_heads", std::to_string(c.num_attention_heads)},
                   {"num_key_value_heads", std::to_string(c.num_key_value_heads)},
                   {"head_dim", std::to_string(c.head_dim)},
                   {"intermediate_size", std::to_string(c.intermediate_size)},
                   {"vocab_size", std::to_string(c.vocab_size)},
                   {"max_position_embeddings", std::to_string(c.max_position_embeddings)},
                   {"rms_norm_eps", fmt::format("{:g}", c.rms_norm_eps)},
                   {"rope_theta", fmt::format("{:g}", c.rope_theta)},
                   {"rope_scaling", c.rope_scaling.type},
                   {"tie_word_embeddings", c.tie_word_embeddings ? "true" : "false"}};
  if (!options.adapter.empty()) report.config.emplace_back("adapter", options.adapter);
}

// Positions for everything that the ladder runs; refused before anything is loaded when the model has fewer.
int needed_context(const Session& s, const BringupOptions& options, std::span<const int> phases) {
  const std::int64_t limit = s.config().max_position_embeddings;
  check(limit <= 0 || limit >= kLeastContext,
        "bring-up: max_position_embeddings {}: the decode steps of 32 users need {} positions: take a model "
        "with a longer context",
        limit, kLeastContext);
  const bool generates = std::ranges::any_of(phases, [](int phase) { return phase >= 3; });
  const bool compares = std::ranges::count(phases, 4) > 0;
  std::int64_t prompt = 0;
  for (const bool raw : {false, true}) {
    if (!generates) continue;
    const auto ids = generate::encode_prompt(*s.tokenizer, s.files, options.prompt, raw);
    prompt = std::max(prompt, static_cast<std::int64_t>(ids.size()));
  }
  const std::int64_t asked = prompt + (compares ? options.tokens : 1);
  const std::int64_t most = limit > 0 ? limit : std::numeric_limits<int>::max() - kOtherPositions;
  check(!generates || asked <= most,
        "bring-up: a prompt of {} tokens and {} more need {} positions, the model has {}: give a shorter "
        "--prompt or fewer --tokens",
        prompt, asked - prompt, asked, most);
  const std::int64_t wanted = std::max(kOtherPositions + (compares ? options.tokens : 0), asked);
  return static_cast<int>(std::min(wanted, most));
}

void run_phase(int phase, Session& s, const io::Golden* golden, const BringupOptions& options,
               const models::Precision& precision, comm::MeshDevice* mesh, report::BringupReport& report) {
  switch (phase) {
    case 0:
      return run_baseline(s, golden, report);
    case 1:
      return run_modules(s, report);
    case 2:
      return run_layers(s, report);
    case 3:
      return run_decode(s, options.prompt, report);
    case 4:
      return run_accuracy(s, options.prompt, options.tokens, report);
    case 5:
      return run_prefill(s, options.prompt, report);
    case 6:
      return run_performance(s, report);
    default:
      return run_mesh(s, mesh, precision, report);
  }
}

// Two chips cost this machine nothing and show what a mesh does.
std::shared_ptr<comm::MeshDevice> open_ladder_mesh(const BringupOptions& options) {
  const bool machine = options.mesh.empty() && options.device == "cpu" && comm::launched_processes() == 1;
  return generate::open_mesh(machine ? "1x2" : options.mesh, options.device, parse_engine(options.engine));
}

void measure_memory(const Session& s, std::int64_t weights, report::BringupReport& report) {
  nn::KvCacheConfig cache = s.model->cache_config(1, s.context);
  const std::int64_t rows = std::int64_t{2} * cache.layers * cache.kv_heads;
  report.memory.weights_bytes = weights;
  report.memory.kv_bytes =
      rows * TensorSpec{Shape{1, 1, s.context, cache.head_dim}, cache.dtype, Layout::TILE}.packed_bytes();
  report.memory.ladder_peak_bytes = std::max(report.memory.ladder_peak_bytes, s.device->peak_bytes());
  report.memory.device_capacity_bytes = s.device->sheet().dram_bytes;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  report.memory.host_peak_bytes = usage.ru_maxrss * 1024L;
}

}  // namespace

Bisection run_bisect(const BringupOptions& options, const std::filesystem::path& file) {
  const SessionOptions session{options.device, parse_engine(options.engine),
                               models::parse_precision(options.precision)};
  make_output_folder(options.out);
  Session s =
      open_session(models::open_checkpoint(io::resolve_model(options.model), options.adapter), session);
  s.thresholds = options.thresholds;
  Bisection result = bisect(s);
  std::filesystem::remove(file);
  if (result.finding && describe_call(*result.finding->op_case.op))
    write_replay(file, result.finding->op_case);
  return result;
}

report::BringupReport run_bringup(const BringupOptions& options,
                                  const std::function<void(const std::string&)>& on_phase) {
  const std::vector<int> phases = chosen_phases(options);
  const models::Precision precision = models::parse_precision(options.precision);
  check(options.tokens > 0, "--tokens {}: a positive number expected", options.tokens);
  check(!options.prompt.empty(), "--prompt: the prompt is empty: give some text");
  make_output_folder(options.out);
  const auto mesh = open_ladder_mesh(options);
  SessionOptions session{options.device, parse_engine(options.engine), precision};
  Session s =
      begin_session(models::open_checkpoint(io::resolve_model(options.model), options.adapter), session);
  session.context = needed_context(s, options, phases);
  if (comm::launched_rank() > 0) {
    const auto positions = static_cast<std::size_t>(session.context);
    join_mesh(*s.checkpoint, forced_tokens(*s.tokenizer, std::min(kMeshText, positions)), precision,
              session.context, *mesh);
    return {};
  }

  const std::string contents = s.checkpoint->content_hash();
  const std::optional<FoundGolden> golden = find_golden(options.golden, contents);
  RunState state(options, {contents, golden ? golden->sha256 : "", precision});
  if (options.resume) state.load();

  const Stopwatch clock;
  load_models(s, session);
  s.thresholds = options.thresholds;
  const std::int64_t weights = s.device->allocated_bytes();
  report::BringupReport& report = state.report();
  const double before = report.seconds;
  describe_run(s, options, report);
  checklist_item(report, 1);
  for (const int phase : phases) {
    if (state.is_done(phase)) continue;
    check_interrupt();
    if (on_phase) on_phase(kPhaseNames[static_cast<std::size_t>(phase)]);
    run_phase(phase, s, golden ? &golden->golden : nullptr, options, precision, mesh.get(), report);
    measure_memory(s, weights, report);
    report.seconds = before + clock.seconds();
    state.finish(phase);
  }
  end_mesh();
  write_text_file(options.out / "report.json", report::json_text(report) + "\n");
  if (!report.timeline.empty())
    write_text_file(options.out / "timeline.json", report::trace_event_json(report.timeline));
  write_text_file(options.out / "report.html", report::bringup_html(report));
  state.discard();
  return report;
}

}  // namespace tessera::verify
