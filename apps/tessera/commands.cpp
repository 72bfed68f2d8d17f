#include "commands.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "comm/mpi/mpi_world.hpp"

namespace tessera::cli {
namespace {

// What the processes of a job do together. The other commands are rank 0's, who prints once.
constexpr std::array<std::string_view, 4> kTogether{"bringup", "generate", "chat", "bench"};

// Before options are read: a command's callback owns where they go, so it cannot be taken away.
void leave_to_rank_zero(CLI::App& app) {
  for (CLI::App* command : app.get_subcommands({})) {
    if (std::ranges::find(kTogether, command->get_name()) == kTogether.end())
      command->preparse_callback([](std::size_t) { throw CLI::Success(); });
  }
}

}  // namespace

void add_commands(CLI::App& app, int& exit_code) {
  add_bringup(app, exit_code);
  add_generate(app);
  add_chat(app);
  add_inspect(app);
  add_plan(app);
  add_advise(app, exit_code);
  add_bench(app);
  add_compare(app, exit_code);
  add_replay(app, exit_code);
  add_golden(app);
  add_logits(app);
  add_pull(app);
  add_models(app);
  add_devices(app);
  add_completion(app);
  add_man(app);
  if (comm::launched_rank() > 0) leave_to_rank_zero(app);
}

}  // namespace tessera::cli
