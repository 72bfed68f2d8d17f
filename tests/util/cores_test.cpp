#include "util/cores.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "io/temp_folder.hpp"

namespace tessera::test {
namespace {

using io::test::TempFolder;

// Eight processors on four cores, numbered as the kernel does on most machines: siblings four apart.
TEST(Cores, HardwareThreadsOfACoreCountOnce) {
  const TempFolder sysfs;
  for (int i = 0; i < 8; ++i) {
    const std::string siblings = std::to_string(i % 4) + "," + std::to_string(i % 4 + 4) + "\n";
    sysfs.write("cpu" + std::to_string(i) + "/topology/thread_siblings_list", siblings);
  }
  constexpr std::array all{0, 1, 2, 3, 4, 5, 6, 7};
  constexpr std::array upper{4, 5, 6, 7};
  constexpr std::array pair{1, 5};
  EXPECT_EQ(physical_cores(all, sysfs.path()), 4);
  EXPECT_EQ(physical_cores(upper, sysfs.path()), 4);
  EXPECT_EQ(physical_cores(pair, sysfs.path()), 1);
  constexpr std::array unknown{8, 9};
  EXPECT_EQ(physical_cores(unknown, sysfs.path()), 2);
}

TEST(Cores, TheTightestControlGroupCounts) {
  const TempFolder root;
  EXPECT_EQ(granted_cores(root.path(), "/"), 0);
  root.write("cpu.max", "max 100000\n");
  EXPECT_EQ(granted_cores(root.path(), "/"), 0);
  root.write("box/cpu.max", "350000 100000\n");
  root.write("box/job/cpu.max", "max 100000\n");
  EXPECT_EQ(granted_cores(root.path(), "/box/job"), 4);
  root.write("box/job/cpu.max", "50000 100000\n");
  EXPECT_EQ(granted_cores(root.path(), "/box/job"), 1);
  EXPECT_EQ(granted_cores(root.path(), "/box/job/none"), 1);
  EXPECT_EQ(granted_cores(root.path(), "/elsewhere"), 0);
}

TEST(Cores, ThisMachineHasOne) {
  EXPECT_GE(usable_cores(), 1);
}

}  // namespace
}  // namespace tessera::test
