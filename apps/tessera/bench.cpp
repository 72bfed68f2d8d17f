#include "generate/bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "bench_output.hpp"
#include "comm/mpi/mpi_world.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"

namespace tessera::cli {
namespace {

struct Options {
  generate::ModelChoice choice;
  generate::BenchOptions bench;
  std::vector<std::string> measure{"prefill", "decode"};
  bool json = false;
};

}  // namespace

void add_bench(CLI::App& app) {
  auto* command = app.add_subcommand("bench", "Measure prefill and decode speed");
  command->footer(
      "Examples:\n  tessera bench smollm2-135m\n"
      "  tessera bench smollm2-135m --prompt 128 --gen 32 --batch 1,8,32 --json\n"
      "  tessera bench smollm2-135m --batch 1 --roofline --threads 1\n"
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
  command->add_option("--measure", o->measure, "prefill, decode or both")
      ->delimiter(',')
      ->check(CLI::IsMember({"prefill", "decode"}))
      ->capture_default_str();
  command->add_flag("--roofline", o->bench.roofline,
                    "Measure the machine too, and say how near to it each kind of op comes");
  add_json_flag(*command, o->json);
  command->callback([o] {
    const auto wanted = [&](const char* kind) { return std::ranges::count(o->measure, kind) > 0; };
    o->bench.prefill = wanted("prefill");
    o->bench.decode = wanted("decode");
    const auto report = generate::run_bench(
        o->choice, o->bench, [](const std::string& step) { fmt::print(stderr, "tessera: {}\n", step); });
    if (comm::launched_rank() > 0) return;  // rank 0 has the report
    if (o->json) return write_json(bench_json(report));
    write_out(bench_text(report));
  });
}

}  // namespace tessera::cli
