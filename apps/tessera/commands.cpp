#include "commands.hpp"

namespace tessera::cli {

void add_commands(CLI::App& app, int& exit_code) {
  add_bringup(app, exit_code);
  add_generate(app);
  add_chat(app);
  add_inspect(app);
  add_plan(app);
  add_bench(app);
  add_compare(app, exit_code);
  add_golden(app);
  add_logits(app);
  add_pull(app);
  add_models(app);
  add_devices(app);
  add_completion(app);
  add_man(app);
}

}  // namespace tessera::cli
