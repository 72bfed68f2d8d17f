#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "comm/mpi/mpi_world.hpp"
#include "commands.hpp"
#include "output.hpp"
#include "util/error.hpp"
#include "util/file.hpp"
#include "util/interrupt.hpp"
#include "util/parallel.hpp"
#include "util/printable.hpp"

namespace {

// What all processes of a job find wrong (a name, an option) rank 0 says; its end then ends the others,
// within half a second, or a few on a busy machine. What only one of the others finds wrong is said so much
// later.
bool rank_zero_ends_the_job() {
  constexpr auto kGlance = std::chrono::milliseconds(20), kLimit = std::chrono::milliseconds(5000);
  for (auto waited = kGlance; waited <= kLimit; waited += kGlance) {
    if (tessera::interrupted()) return true;
    std::this_thread::sleep_for(kGlance);
  }
  return false;
}

int fail(std::string_view text) {
  if (tessera::comm::launched_rank() > 0 && !tessera::interrupted() && rank_zero_ends_the_job()) return 2;
  std::fprintf(stderr, "tessera: %s\n", tessera::one_line(text).c_str());
  return 2;
}

// A launcher that sees a rank die signals the others, and says itself which; the first rank that is left says
// it in our words.
int fail_stopped() {
  const std::vector<int> lost = tessera::comm::lost_ranks();
  const int rank = tessera::comm::launched_rank();
  int speaker = 0;
  while (std::ranges::find(lost, speaker) != lost.end()) ++speaker;
  if (rank != speaker) return 2;
  const std::string text =
      lost.empty() ? "stopped by the launcher, or with Ctrl-C" : tessera::comm::lost_text(lost);
  std::fprintf(stderr, "tessera: %s\n", text.c_str());
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
    if (tessera::comm::launched_rank() == 0) app.exit(error);
  }
  tessera::cli::flush_out();
  return exit_code;
}

int run_and_report(int argc, char** argv) {
  int exit_code = 0;
  try {
    return run(argc, argv, exit_code);
  } catch (const tessera::cli::OutputClosed&) {
    return exit_code;
  } catch (const tessera::comm::PeerFailed&) {
    return 2;  // the other process says what it was
  } catch (const tessera::Interrupted& error) {
    return tessera::comm::launched_processes() == 1 ? fail(error.what()) : fail_stopped();
  } catch (const tessera::comm::RankLost&) {
    return fail_stopped();
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

}  // namespace

int main(int argc, char** argv) {
  tessera::install_interrupt_handler();
  tessera::install_truncation_handler();
  write_errors_instead_of_signals();
  const int exit_code = run_and_report(argc, argv);
  tessera::comm::leave_mpi(exit_code);
  return exit_code;
}
