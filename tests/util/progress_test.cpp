// The bar on a terminal (a pseudo-terminal stands for it) and its silence elsewhere.
#include "util/progress.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace tessera::test {
namespace {

// What is written to stderr by `body` while stderr is a terminal.
template <class Body>
std::string on_a_terminal(Body body) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) return "no pseudo-terminal";
  const int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
  const int before = dup(STDERR_FILENO);
  dup2(terminal, STDERR_FILENO);
  body();
  std::fflush(stderr);
  dup2(before, STDERR_FILENO);
  close(before);
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(master, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  close(terminal);
  close(master);
  return text;
}

TEST(Progress, SaysNothingOfShortWorkInALog) {
  testing::internal::CaptureStderr();
  {
    Progress progress("reading", 100);
    progress.add(50);
    progress.add(50);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Progress, DrawsAndCleansUpOnATerminal) {
  const std::string text = on_a_terminal([] {
    Progress progress("reading", 4'000'000);
    progress.add(1'000'000);
    progress.add(3'000'000);
    progress.finish();
    progress.finish();
  });
  EXPECT_NE(text.find("reading [=======                     ]  25% 1.0 MB"), std::string::npos) << text;
  EXPECT_NE(text.find("] 100% 4.0 MB"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("\r\x1b[K")) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(Progress, UnknownTotalsAndMoreThanAll) {
  EXPECT_NE(on_a_terminal([] { Progress("counting", 0, "files").add(3); }).find("counting 3 files"),
            std::string::npos);
  EXPECT_NE(on_a_terminal([] { Progress("counting", 2, "files").add(3); }).find("100% 3 files"),
            std::string::npos);
}

TEST(ProgressDeathTest, SurvivesATerminalThatIsGone) {
  const auto lose_the_terminal = [] {
    on_a_terminal([] {
      Progress progress("reading", 10);
      progress.add(5);
      close(STDERR_FILENO);
      progress.add(5);
    });
    std::_Exit(0);
  };
  EXPECT_EXIT(lose_the_terminal(), testing::ExitedWithCode(0), "");
}

TEST(Progress, CanBeSilenced) {
  Progress::set_enabled(false);
  EXPECT_EQ(on_a_terminal([] { Progress("reading", 10).add(10); }), "");
  Progress::set_enabled(true);
}

}  // namespace
}  // namespace tessera::test
