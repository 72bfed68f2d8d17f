#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "plan/device_table.hpp"
#include "plan/plan_output.hpp"
#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::cli {
namespace {

struct Options {
  plan::PlanRequest request;
  std::string html;
  bool table = false, json = false;
};

void run_table(const Options& o) {
  const std::vector<plan::DeviceRow> rows = plan::device_table();
  if (o.json) return write_json(device_table_json(rows));
  write_out(device_table_text(rows));
}

void run(const Options& o) {
  if (o.table) return run_table(o);
  check(!o.request.model.empty(), "plan: no MODEL: give one, or --table");
  const plan::Plan plan = plan::make_plan(o.request);
  if (!o.html.empty()) write_text_file(o.html, plan_html(plan));
  if (o.json) return write_json(plan_json(plan));
  write_out(plan_text(plan));
}

}  // namespace

void add_plan(CLI::App& app) {
  auto* command = app.add_subcommand("plan", "Say whether a model fits a device, and how fast it will be");
  command->footer(
      "Examples:\n  tessera plan smollm2-135m\n  tessera plan --table\n"
      "  tessera plan ./Llama-3.1-70B-Instruct --device loudbox --batch 32 --context 32768 --precision "
      "tt-performance\n"
      "A folder with nothing but a config.json is enough. Bytes are those that a run takes. The exit status "
      "is 0 "
      "whether the model fits or not.");
  auto o = std::make_shared<Options>();
  command->add_option("MODEL", o->request.model, "As for every command, or a config.json without weights");
  command->add_option("--device", o->request.device, "The spec sheet, one of `tessera devices`")
      ->capture_default_str();
  command->add_option("--batch", o->request.batch, "Users of one copy of the model")->capture_default_str();
  command->add_option("--context", o->request.context,
                      "Positions a user; default: 4096 or the model's limit");
  command->add_option("--prompt", o->request.prompt, "Tokens of the prompt whose first token is timed")
      ->capture_default_str();
  command
      ->add_option("--precision", o->request.precision,
                   "accuracy, performance, bfp4, bf16, fp32, a .json file, or TT-Transformers' own presets: "
                   "tt-accuracy, tt-performance")
      ->capture_default_str();
  command->add_option("--tp", o->request.chips,
                      "Chips of one copy (tensor parallel); default: all of the device");
  command->add_option("--prefill-chunk", o->request.chunk, "Longer prompts are prefilled in chunks of this")
      ->capture_default_str();
  command->add_option("--html", o->html, "Write the plan as a page to this file");
  command->add_flag("--table", o->table,
                    "Print what fits each device at bfloat8_b, instead of a model's plan");
  add_json_flag(*command, o->json);
  command->callback([o] { run(*o); });
}

}  // namespace tessera::cli
