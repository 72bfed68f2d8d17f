// The real model divided among chips, by every way of sharing meshes of 2, 4 and 8.
#include <gtest/gtest.h>

#include <map>

#include "io/catalogue.hpp"
#include "ladder.hpp"
#include "verify/bringup.hpp"

namespace tessera::verify {
namespace {

report::Mesh bring_up(const std::string& mesh) {
  io::pull("smollm2-135m");
  const io::test::TempFolder out;
  BringupOptions options;
  options.model = "smollm2-135m";
  options.precision = "accuracy";
  options.phases = {7};
  options.mesh = mesh;
  options.out = out.path();
  const auto report = run_bringup(options);
  EXPECT_EQ(test::item(report, 10).status, report::Status::Pass) << test::item(report, 10).reason;
  return report.mesh;
}

// Logits of prompts and of forced tokens; 64 greedy tokens of each user, equal or leaving one device's where
// two tokens are closer than the logits agree; bytes as the meta engine counts them.
std::map<std::string, report::MeshWay> expect_alike(const std::string& mesh) {
  std::map<std::string, report::MeshWay> ways;
  for (const report::MeshWay& way : bring_up(mesh).ways) {
    EXPECT_GE(way.pcc, 0.999) << mesh << " " << way.name;
    EXPECT_TRUE(way.equal_users == way.users || way.margin <= 2 * way.max_abs)
        << mesh << " " << way.name << ": " << way.margin;
    EXPECT_TRUE(way.as_planned) << mesh << " " << way.name;
    ways[way.name] = way;
  }
  return ways;
}

TEST(SmolLm2Mesh, TwoAndFourChips) {
  auto ways = expect_alike("1x2");
  ASSERT_EQ(ways.size(), 4u);
  EXPECT_LT(ways["tensor parallel 2"].weights_bytes, ways["one device"].weights_bytes);
  ways = expect_alike("1x4");
  ASSERT_EQ(ways.size(), 5u);
  EXPECT_EQ(ways["data parallel 4"].equal_users, 4);
  EXPECT_EQ(ways["data parallel 4"].weights_bytes, ways["one device"].weights_bytes);
}

// In MB of weights a chip: 199.6 on one device; 78.1 with a whole embedding table (56.6), which falls with
// the residual stream: 32.8 fractured, 36.9 in rows and columns.
TEST(SmolLm2Mesh, EightChips) {
  auto ways = expect_alike("2x4");
  ASSERT_EQ(ways.size(), 7u);
  const auto weights = [&](const char* way) { return ways[way].weights_bytes; };
  EXPECT_LT(2 * weights("tensor parallel 8"), weights("one device"));
  EXPECT_LT(5 * weights("tensor parallel 8, fractured"), weights("one device"));
  EXPECT_LT(5 * weights("tensor parallel 2x4"), weights("one device"));
  // Three key-value heads: one on each chip of a row of eight, two on each of two rows.
  const auto kv = [&](const char* way) { return static_cast<double>(ways[way].kv_bytes); };
  EXPECT_NEAR(kv("tensor parallel 8") / kv("one device"), 1.0 / 3, 1e-3);
  EXPECT_NEAR(kv("tensor parallel 2x4") / kv("one device"), 2.0 / 3, 1e-3);
}

}  // namespace
}  // namespace tessera::verify
