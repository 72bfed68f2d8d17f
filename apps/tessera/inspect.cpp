#include "models/inspect.hpp"

#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "inspect_output.hpp"
#include "io/catalogue.hpp"
#include "options.hpp"
#include "output.hpp"

namespace tessera::cli {
namespace {

struct Options {
  std::string model, precision = "accuracy";
  models::InspectOptions inspect;
  bool json = false;
};

void run(Options& o) {
  o.inspect.precision = models::parse_precision(o.precision);
  const auto path = io::resolve_model(o.model);
  const models::Inspection result = models::inspect(path, o.inspect);
  if (o.json) return write_json(inspection_json(o.model, result));
  write_out(inspection_text(o.model, result));
}

}  // namespace

void add_inspect(CLI::App& app) {
  auto* command = app.add_subcommand("inspect", "Show a model's modules, operators and what is unsupported");
  command->footer(
      "Examples:\n  tessera inspect smollm2-135m\n"
      "  tessera inspect ./my-model --precision performance --batch 1 --prompt 512 --json\n"
      "A model that is not supported is shown as far as it can be, with the reason; the exit status is 0.");
  auto o = std::make_shared<Options>();
  add_model_option(*command, o->model);
  command->add_option("--precision", o->precision, "accuracy, performance, bfp4, bf16, fp32 or a .json file")
      ->capture_default_str();
  command->add_option("--batch", o->inspect.users, "Users of the decode step")
      ->check(CLI::Range(1, 32))
      ->capture_default_str();
  command->add_option("--prompt", o->inspect.prompt, "Tokens of the prefill; the model's limit bounds it")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_json_flag(*command, o->json);
  command->callback([o] { run(*o); });
}

}  // namespace tessera::cli
