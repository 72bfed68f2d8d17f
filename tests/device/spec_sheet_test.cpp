#include "device/spec_sheet.hpp"

#include <gtest/gtest.h>

#include <set>

#include "device/device.hpp"
#include "util/error.hpp"

namespace tessera::test {
namespace {

TEST(SpecSheet, EveryDeviceIsUsable) {
  std::set<std::string> names;
  for (const SpecSheet& sheet : spec_sheets()) {
    SCOPED_TRACE(sheet.name);
    EXPECT_TRUE(names.insert(sheet.name).second);
    EXPECT_EQ(sheet.chips, sheet.mesh_rows * sheet.mesh_cols);
    EXPECT_GT(sheet.dram_bytes, std::int64_t{1} << 28);
    EXPECT_GE(sheet.dram_banks, 1);
    EXPECT_GE(sheet.worker_cores, 1);
    EXPECT_FALSE(sheet.description.empty());
    EXPECT_EQ(&find_sheet(sheet.name), &sheet);
  }
}

TEST(SpecSheet, PublishedFigures) {
  const SpecSheet& n150 = find_sheet("n150");
  EXPECT_EQ(n150.dram_bytes, 12ll << 30);
  EXPECT_EQ(n150.dram_banks, 12);
  EXPECT_EQ(n150.worker_cores, 64);
  EXPECT_LT(n150.l1_bytes, 1536 << 10);
  EXPECT_EQ(n150.dram_bandwidth_gb_s, 288);
  EXPECT_EQ(find_sheet("n300").chips, 2);
  EXPECT_EQ(find_sheet("loudbox").chips, 8);
  EXPECT_EQ(find_sheet("galaxy").chips, 32);
}

TEST(SpecSheet, AnUnknownNameListsTheKnown) {
  try {
    find_sheet("n151");
    ADD_FAILURE();
  } catch (const UserError& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("\"n151\""), std::string::npos) << what;
    for (const SpecSheet& sheet : spec_sheets()) EXPECT_NE(what.find(sheet.name), std::string::npos) << what;
  }
  EXPECT_THROW(Device::open("", Engine::Ref), UserError);
}

TEST(Engine, NamesReadBack) {
  for (const Engine engine : {Engine::Ref, Engine::Fast, Engine::Meta}) {
    EXPECT_EQ(parse_engine(to_string(engine)), engine);
  }
  EXPECT_THROW(parse_engine("Fast"), UserError);
}

}  // namespace
}  // namespace tessera::test
