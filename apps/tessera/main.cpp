#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>

#include "commands.hpp"
#include "output.hpp"
#include "util/error.hpp"
#include "util/file.hpp"
#include "util/interrupt.hpp"
#include "util/parallel.hpp"
#include "util/printable.hpp"

namespace {

int fail(std::string_view text) {
  std::fprintf(stderr, "tessera: %s\n", tessera::one_line(text).c_str());
  return 2;
}

// A closed pipe and a file at its size limit become errors of write() in place of a sudden death that leaves
// temporary files behind. A handler and not SIG_IGN: programs that we start must not inherit it.
void write_errors_instead_of_signals() {
  for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, [](int) {});
}

// `exit_code` is what the command has to say, also when nobody reads what it prints.
int run(int argc, char** argv, int& exit_code) {
  tessera::num_threads();  // a wrong TESSERA_THREADS is said at once and not by the first op
  CLI::App app("Tessera brings large language models up on tile machines and runs them.", "tessera");
  app.set_version_flag("--version", TESSERA_VERSION);
  app.require_subcommand(1);
  tessera::cli::add_commands(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) {
      const auto commands = app.get_subcommands();
      const std::string command = commands.empty() ? "" : " " + commands.front()->get_name();
      return fail(fmt::format("{}: see tessera{} --help", error.what(), command));
    }
    app.exit(error);
  }
  tessera::cli::flush_out();
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  tessera::install_interrupt_handler();
  tessera::install_truncation_handler();
  write_errors_instead_of_signals();
  int exit_code = 0;
  try {
    return run(argc, argv, exit_code);
  } catch (const tessera::cli::OutputClosed&) {
    return exit_code;
  } catch (const std::bad_alloc&) {
    return fail("out of memory: use a smaller model, batch or context");
  } catch (const std::system_error& error) {
    // fmt::print's way to say so.
    if (error.code() == std::errc::broken_pipe) return exit_code;
    return fail(error.what());
  } catch (const std::exception& error) {
    return fail(error.what());
  } catch (...) {
    return fail("an unknown error: run the command again with another model or option");
  }
}
