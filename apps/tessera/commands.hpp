#pragma once
// One function a subcommand: adds its options to the program and sets what to run. `exit_code` is the
// program's.
#include <CLI/CLI.hpp>

namespace tessera::cli {

void add_bringup(CLI::App& app, int& exit_code);
void add_generate(CLI::App& app);
void add_catalogue(CLI::App& app);  // pull, models, devices

}  // namespace tessera::cli
