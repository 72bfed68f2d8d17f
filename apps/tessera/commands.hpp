#pragma once
// One function a subcommand: adds its options to the program and sets what to run. `exit_code` is the
// program's, set before the first word is printed: a reader that goes away must not turn a failure into 0.
#include <CLI/CLI.hpp>

namespace tessera::cli {

void add_bringup(CLI::App& app, int& exit_code);
void add_generate(CLI::App& app);
void add_chat(CLI::App& app);
void add_inspect(CLI::App& app);
void add_plan(CLI::App& app);
void add_bench(CLI::App& app);
void add_advise(CLI::App& app, int& exit_code);
void add_compare(CLI::App& app, int& exit_code);
void add_replay(CLI::App& app, int& exit_code);
void add_golden(CLI::App& app);
void add_logits(CLI::App& app);
void add_pull(CLI::App& app);
void add_models(CLI::App& app);
void add_devices(CLI::App& app);
void add_completion(CLI::App& app);
void add_man(CLI::App& app);

/// All of them, in the order of `tessera --help`.
void add_commands(CLI::App& app, int& exit_code);

}  // namespace tessera::cli
