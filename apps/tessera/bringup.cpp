#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "comm/mpi/mpi_world.hpp"
#include "commands.hpp"
#include "op_report.hpp"
#include "options.hpp"
#include "output.hpp"
#include "report/bringup_json.hpp"
#include "report/bringup_summary.hpp"
#include "verify/bisect.hpp"
#include "verify/bringup.hpp"

namespace tessera::cli {
namespace {

struct Options {
  // The dtypes of what is checked have one default on every engine: the reference is float32 in any case.
  generate::ModelChoice choice{.model = "", .adapter = "", .precision = "accuracy", .mesh = ""};
  verify::BringupOptions bringup;
  std::vector<std::string> thresholds;
  bool fresh = false, bisect = false, json = false;
};

verify::BringupOptions bringup_options(const Options& o) {
  verify::BringupOptions options = o.bringup;
  options.model = o.choice.model;
  options.adapter = o.choice.adapter;
  options.device = o.choice.device;
  options.engine = o.choice.engine;
  options.precision = o.choice.precision;
  options.mesh = o.choice.mesh;
  options.resume = !o.fresh;
  if (parse_engine(options.engine) == Engine::Exact && !o.bisect)
    options.thresholds = verify::card_thresholds(models::parse_precision(options.precision));
  for (const std::string& threshold : o.thresholds) verify::set_threshold(options.thresholds, threshold);
  return options;
}

report::SummaryStyle summary_style() {
  report::SummaryStyle style;
  // A launcher gives its processes a terminal of its own, whatever the user has.
  if (isatty(STDOUT_FILENO) == 0 || comm::launched_processes() > 1) return style;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) style.width = size.ws_col;
  // https://no-color.org
  const char* no_color = std::getenv("NO_COLOR");
  style.colour = no_color == nullptr || *no_color == '\0';
  return style;
}

// Instead of the ladder: every op by itself.
int run_bisect(const Options& o) {
  const verify::BringupOptions options = bringup_options(o);
  const std::filesystem::path file = options.out / "bisect.safetensors";
  const verify::Bisection found = verify::run_bisect(options, file);
  if (o.json) {
    write_json(bisection_json(found, file));
  } else {
    write_out(bisection_text(found, file));
  }
  return found.finding ? 1 : 0;
}

}  // namespace

void add_bringup(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("bringup", "Bring a model up: the guide's checklist, with evidence");
  command->footer(
      "Examples:\n  tessera bringup smollm2-135m\n  tessera bringup ./my-model --phases 1,2 --json\n"
      "  tessera bringup smollm2-135m --engine exact --precision performance\n"
      "  tessera bringup smollm2-135m --engine exact --precision mine.json --bisect\n"
      "Exit status: 0 no required item fails, 1 one fails, 2 it could not run.");
  auto o = std::make_shared<Options>();
  add_model_choice(*command, o->choice);
  add_mesh_option(*command, o->choice.mesh);
  command->add_option("--phases", o->bringup.phases, "0 (baseline) to 7 (mesh); default all")
      ->delimiter(',')
      ->check(CLI::Range(0, 7));
  command->add_option("--prompt", o->bringup.prompt, "The prompt of phases 3 to 5")->capture_default_str();
  command->add_option("--tokens", o->bringup.tokens, "Tokens of the token comparison")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option(
          "--threshold", o->thresholds,
          "NAME=VALUE, another bar: PCC of op, module, layer, model, equivalence; percent of top1, top5; "
          "baseline_relative, baseline_margin")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--golden", o->bringup.golden, "A golden file for the baseline");
  command->add_option("--out", o->bringup.out, "The folder of the report")->capture_default_str();
  command->add_flag("--no-resume", o->fresh, "Do not go on from an interrupted run");
  command
      ->add_flag("--bisect", o->bisect,
                 "Not the ladder: name the first op whose own error is out of line, and what would cure it")
      ->excludes("--phases")
      ->excludes("--mesh");
  add_json_flag(*command, o->json);
  command->callback([o, &exit_code] {
    exit_code = 2;  // until there is a verdict: progress, too, may meet a closed pipe
    if (o->bisect) {
      exit_code = run_bisect(*o);
      return;
    }
    const auto report = verify::run_bringup(
        bringup_options(*o), [](const std::string& phase) { fmt::print(stderr, "tessera: {}\n", phase); });
    if (comm::launched_rank() > 0) {  // rank 0 has the report
      exit_code = 0;
      return;
    }
    exit_code = verify::all_required_pass(report) ? 0 : 1;
    if (o->json) return write_out(report::json_text(report) + "\n");
    const std::string page = (o->bringup.out / "report.html").string();
    write_out(report::bringup_summary(report, page, summary_style()));
  });
}

}  // namespace tessera::cli
