#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "util/file.hpp"
#include "util/interrupt.hpp"

namespace tessera {
namespace {

TEST(Killed, ASecondCtrlCLeavesNoHalfWrittenFile) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "tessera_killed";
  std::filesystem::create_directories(folder);
  const auto ends_in_the_middle = [&] {
    install_interrupt_handler();
    write_text_file(folder / "whole", "a");
    AtomicFile file(folder / "half");
    file.write("half of it");
    std::raise(SIGINT);  // only a flag: the file goes on
    file.write("more");
    std::raise(SIGINT);
  };
  EXPECT_EXIT(ends_in_the_middle(), testing::KilledBySignal(SIGINT), "");
  EXPECT_TRUE(std::filesystem::exists(folder / "whole"));
  const std::filesystem::directory_iterator files(folder);
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tessera
