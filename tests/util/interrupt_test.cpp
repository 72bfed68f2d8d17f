// Signals, each in a process of its own: the flag stays for the rest of a process.
#include "util/interrupt.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#include "util/error.hpp"

namespace tessera::test {
namespace {

int after_signal(int signal) {
  install_interrupt_handler();
  check_interrupt();
  if (interrupted()) return 1;
  std::raise(signal);
  if (!interrupted()) return 2;
  try {
    check_interrupt();
  } catch (const Interrupted&) {
    return 0;
  }
  return 3;
}

TEST(InterruptDeathTest, ASignalBecomesAnError) {
  for (const int signal : {SIGINT, SIGTERM}) {
    EXPECT_EXIT(std::_Exit(after_signal(signal)), testing::ExitedWithCode(0), "");
  }
}

TEST(InterruptDeathTest, TheSecondSignalEndsTheProcess) {
  EXPECT_EXIT(
      {
        install_interrupt_handler();
        std::raise(SIGINT);
        std::raise(SIGINT);
        std::_Exit(0);
      },
      testing::KilledBySignal(SIGINT), "");
}

TEST(Interrupt, NothingHappened) {
  EXPECT_FALSE(interrupted());
  check_interrupt();
}

}  // namespace
}  // namespace tessera::test
