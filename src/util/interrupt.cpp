#include "util/interrupt.hpp"

#include <atomic>
#include <csignal>

#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera {
namespace {

// Written by the handler and read by any thread.
std::atomic<int> g_interrupted = 0;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may not wait for a lock");

void on_signal(int signal) {
  if (g_interrupted != 0) {
    remove_unfinished_files();
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  g_interrupted = 1;
}

}  // namespace

void install_interrupt_handler() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

bool interrupted() {
  return g_interrupted != 0;
}

void clear_interrupt() {
  g_interrupted = 0;
}

void check_interrupt() {
  if (interrupted()) throw Interrupted();
}

}  // namespace tessera
