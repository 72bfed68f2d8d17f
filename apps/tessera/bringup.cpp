#include <fmt/format.h>

#include <memory>

#include "commands.hpp"
#include "report/bringup_json.hpp"
#include "verify/bringup.hpp"

namespace tessera::cli {
namespace {

void print_summary(const report::BringupReport& r, const std::filesystem::path& out) {
  fmt::print("{} on {} ({} engine, {} precision)\n\n", r.model, r.device, r.engine, r.precision);
  for (const report::ChecklistItem& item : r.checklist) {
    fmt::print("{:>2} {:<8} {}\n", item.item, report::to_string(item.status), item.title);
    if (!item.evidence.empty()) fmt::print("            {}\n", item.evidence);
    if (!item.reason.empty()) fmt::print("            reason: {}\n", item.reason);
  }
  for (const report::Accuracy& a : r.accuracy) {
    fmt::print("\n{} tokens ({}): top-1 {:.1f} %, top-5 {:.1f} %, KL {:.5f}, logits PCC {:.6f}", a.tokens,
               a.text, a.top1, a.top5, a.kl_mean, a.final_pcc);
  }
  if (!r.generations.empty()) {
    fmt::print("\n\n> {}\n{}\n", r.generations.back().prompt, r.generations.back().text);
  }
  fmt::print("\nreport: {}\n", (out / "report.json").string());
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
  command->add_option("--engine", options->engine, "fast or ref")->capture_default_str();
  command->add_option("--precision", options->precision, "accuracy, performance, bf16, fp32 or a .json file")
      ->capture_default_str();
  command->add_option("--phases", options->phases, "0 (baseline) to 5; default all")->delimiter(',');
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
    if (*json) {
      fmt::print("{}\n", report::to_json(report).dump(1));
    } else {
      print_summary(report, options->out);
    }
    exit_code = verify::all_required_pass(report) ? 0 : 1;
  });
}

}  // namespace tessera::cli
