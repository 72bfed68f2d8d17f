#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "comm/mpi/mpi_world.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "report/bringup_json.hpp"
#include "report/bringup_summary.hpp"
#include "verify/bringup.hpp"

namespace tessera::cli {
namespace {

report::SummaryStyle summary_style() {
  report::SummaryStyle style;
  if (isatty(STDOUT_FILENO) == 0) return style;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) style.width = size.ws_col;
  // https://no-color.org
  const char* no_color = std::getenv("NO_COLOR");
  style.colour = no_color == nullptr || *no_color == '\0';
  return style;
}

}  // namespace

void add_bringup(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("bringup", "Bring a model up: the guide's checklist, with evidence");
  command->footer(
      "Examples:\n  tessera bringup smollm2-135m\n  tessera bringup ./my-model --phases 1,2 --json\n"
      "Exit status: 0 no required item fails, 1 one fails, 2 it could not run.");
  auto options = std::make_shared<verify::BringupOptions>();
  auto json = std::make_shared<bool>(false);
  auto fresh = std::make_shared<bool>(false);
  command
      ->add_option("MODEL", options->model,
                   "A catalogue name, a Hugging Face folder, a hub id or a .gguf file")
      ->required();
  command->add_option("--device", options->device, "The device's spec sheet")->capture_default_str();
  add_mesh_option(*command, options->mesh);
  command->add_option("--engine", options->engine, "fast or ref")->capture_default_str();
  command->add_option("--precision", options->precision, "accuracy, performance, bf16, fp32 or a .json file")
      ->capture_default_str();
  command->add_option("--phases", options->phases, "0 (baseline) to 7 (mesh); default all")->delimiter(',');
  command->add_option("--prompt", options->prompt, "The prompt of phases 3 to 5")->capture_default_str();
  command->add_option("--tokens", options->tokens, "Tokens of the token comparison")->capture_default_str();
  command->add_option("--golden", options->golden, "A golden file for the baseline");
  command->add_option("--out", options->out, "The folder of the report")->capture_default_str();
  command->add_flag("--no-resume", *fresh, "Do not go on from an interrupted run");
  command->add_flag("--json", *json, "Print the report as one JSON document");
  command->callback([options, json, fresh, &exit_code] {
    options->resume = !*fresh;
    const auto report = verify::run_bringup(
        *options, [](const std::string& phase) { fmt::print(stderr, "tessera: {}\n", phase); });
    if (comm::launched_rank() > 0) return;  // rank 0 has the report
    if (*json) {
      fmt::print("{}\n", report::json_text(report));
    } else {
      const std::string page = (options->out / "report.html").string();
      fmt::print("{}", report::bringup_summary(report, page, summary_style()));
    }
    exit_code = verify::all_required_pass(report) ? 0 : 1;
  });
}

}  // namespace tessera::cli
