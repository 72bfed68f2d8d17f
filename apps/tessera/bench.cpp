#include "generate/bench.hpp"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "comm/mpi/mpi_world.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"

namespace tessera::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  generate::ModelChoice choice;
  generate::BenchOptions bench;
  bool json = false;
};

Json report_json(const generate::BenchReport& r) {
  Json results = Json::array();
  for (const generate::BenchResult& row : r.results) {
    results.push_back({{"kind", row.kind},
                       {"batch", row.batch},
                       {"prompt", row.prompt},
                       {"context", row.context},
                       {"tok_s", row.tok_s.median},
                       {"tok_s_min", row.tok_s.min},
                       {"tok_s_max", row.tok_s.max},
                       {"ms", row.ms.median},
                       {"ms_min", row.ms.min},
                       {"ms_max", row.ms.max},
                       {"repeats", row.repeats}});
  }
  return {{"model", r.model},
          {"device", r.device},
          {"engine", r.engine},
          {"precision", r.precision},
          {"mesh", r.mesh},
          {"copies", r.copies},
          {"threads", r.threads},
          {"isa", r.isa},
          {"async", r.async},
          {"trace", r.trace},
          {"load_s", r.load_s},
          {"ttft_ms", r.ttft_ms},
          {"memory",
           {{"weights_bytes", r.weights_bytes},
            {"kv_bytes", r.kv_bytes},
            {"peak_bytes", r.peak_bytes},
            {"host_peak_bytes", r.host_peak_bytes}}},
          {"results", results}};
}

double megabytes(std::int64_t bytes) {
  return static_cast<double>(bytes) / 1e6;
}

std::string report_text(const generate::BenchReport& r) {
  const std::string mesh = r.mesh.empty()
                               ? ""
                               : fmt::format(" (mesh {}, {} of the model)", r.mesh,
                                             r.copies == 1 ? "one copy" : fmt::format("{} copies", r.copies));
  std::string text = fmt::format("{} on {}{}: {} engine, {} precision, {} threads, {}, {}, {}\n\n", r.model,
                                 r.device, mesh, r.engine, r.precision, r.threads, r.isa,
                                 r.trace ? "traced" : "eager", r.async ? "asynchronous" : "at once");
  text += fmt::format("{:<8} {:>5} {:>6} {:>7} {:>10} {:>21} {:>10}\n", "", "batch", "prompt", "context",
                      "tok/s", "(min - max)", "ms");
  for (const generate::BenchResult& row : r.results) {
    const std::string range = fmt::format("({:.1f} - {:.1f})", row.tok_s.min, row.tok_s.max);
    text += fmt::format("{:<8} {:>5} {:>6} {:>7} {:>10.1f} {:>21} {:>10.2f}\n", row.kind, row.batch,
                        row.prompt, row.context, row.tok_s.median, range, row.ms.median);
  }
  return text + fmt::format(
                    "\nfirst token {:.1f} ms, loading {:.2f} s; weights {:.1f} MB, KV cache {:.1f} MB, peak "
                    "{:.1f} MB, process {:.1f} MB\n",
                    r.ttft_ms, r.load_s, megabytes(r.weights_bytes), megabytes(r.kv_bytes),
                    megabytes(r.peak_bytes), megabytes(r.host_peak_bytes));
}

}  // namespace

void add_bench(CLI::App& app) {
  auto* command = app.add_subcommand("bench", "Measure prefill and decode speed");
  command->footer(
      "Examples:\n  tessera bench smollm2-135m\n"
      "  tessera bench smollm2-135m --prompt 128 --gen 32 --batch 1,8,32 --json\n"
      "tok/s: all users together, median of the repeats; ms: of a whole prefill, of one decode step.");
  auto o = std::make_shared<Options>();
  add_model_choice(*command, o->choice);
  add_run_switches(*command, o->choice);
  add_sharing_options(*command, o->choice);
  command->add_option("--prompt", o->bench.prompt, "Tokens of each prompt")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--gen", o->bench.gen, "Decode steps")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--batch", o->bench.batches, "Users of each copy, 1 to 32, one or several")
      ->delimiter(',')
      ->check(CLI::Range(1, 32))
      ->capture_default_str();
  command->add_option("--repeats", o->bench.repeats, "Measurements of each")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_json_flag(*command, o->json);
  command->callback([o] {
    const auto report = generate::run_bench(
        o->choice, o->bench, [](const std::string& step) { fmt::print(stderr, "tessera: {}\n", step); });
    if (comm::launched_rank() > 0) return;  // rank 0 has the report
    if (o->json) return write_json(report_json(report));
    write_out(report_text(report));
  });
}

}  // namespace tessera::cli
