#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>

#include "commands.hpp"
#include "util/error.hpp"
#include "util/interrupt.hpp"

namespace {

int fail(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  fmt::print(stderr, "tessera: {}\n", text);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  tessera::install_interrupt_handler();
  CLI::App app("Tessera brings large language models up on tile machines and runs them.", "tessera");
  app.set_version_flag("--version", TESSERA_VERSION);
  app.require_subcommand(1);
  int exit_code = 0;
  try {
    tessera::cli::add_bringup(app, exit_code);
    tessera::cli::add_generate(app);
    tessera::cli::add_catalogue(app);
    app.parse(argc, argv);
    return exit_code;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return fail(fmt::format("{}: see tessera --help", error.what()));
  } catch (const std::bad_alloc&) {
    return fail("out of memory: use a smaller model, batch or context");
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}
