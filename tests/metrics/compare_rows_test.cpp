#include "metrics/compare_rows.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "util/error.hpp"
#include "util/rng.hpp"

namespace tessera::metrics {
namespace {

constexpr std::size_t kCols = 64;

// Rows of N(0, 1), the first of them 250 times as large: it holds 99.98 % of the energy.
std::vector<float> with_a_sink(std::size_t rows, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> values(rows * kCols);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = rng.normal() * (i < kCols ? 250.0f : 1.0f);
  return values;
}

TEST(CompareRows, NoiseBesideALargeRowIsSeen) {
  const auto reference = with_a_sink(16, 1);
  auto device = reference;
  Rng rng(2);
  for (std::size_t i = kCols; i < device.size(); ++i) device[i] += rng.normal();
  EXPECT_TRUE(passes(compare(reference, device), 0.998));  // the plain figure is blind to it
  const RowComparison c = compare_rows(reference, device, kCols);
  EXPECT_GT(c.plain.pcc, 0.9998);
  EXPECT_LT(c.even.pcc, 0.8);
  EXPECT_FALSE(passes(c, 0.998));
}

TEST(CompareRows, OneBadRowAmongManyIsNamed) {
  const auto reference = with_a_sink(1000, 3);
  auto device = reference;
  for (std::size_t i = 417 * kCols; i < 418 * kCols; ++i) device[i] *= 0.6f;
  const RowComparison c = compare_rows(reference, device, kCols);
  EXPECT_GT(c.even.pcc, 0.998);  // one of a thousand
  EXPECT_EQ(c.worst_row, 417u);
  EXPECT_NEAR(c.worst_row_rel_l2, 0.4, 1e-6);
  EXPECT_FALSE(passes(c, 0.998));
  EXPECT_EQ(c.remark(0.998), "row 417 is off by 0.400 of its own size");
}

TEST(CompareRows, SmallNoiseInEveryRowPasses) {
  const auto reference = with_a_sink(40, 4);
  auto device = reference;
  Rng rng(5);
  for (std::size_t i = 0; i < device.size(); ++i) device[i] *= 1 + 0.03f * rng.normal();
  const RowComparison c = compare_rows(reference, device, kCols);
  EXPECT_TRUE(passes(c, 0.998));
  EXPECT_EQ(c.remark(0.998), "");
  EXPECT_TRUE(passes(compare_rows(reference, reference, kCols), 1.0));
}

TEST(CompareRows, ScaleNanAndRowsOfZeros) {
  const auto reference = with_a_sink(4, 6);
  auto device = reference;
  for (float& value : device) value *= 1.1f;
  EXPECT_FALSE(passes(compare_rows(reference, device, kCols), 0.998));
  EXPECT_NE(compare_rows(reference, device, kCols).remark(0.998).find("scale 1.100"), std::string::npos);

  device = reference;
  device[3 * kCols] = std::numeric_limits<float>::quiet_NaN();
  const RowComparison broken = compare_rows(reference, device, kCols);
  EXPECT_FALSE(passes(broken, -1));
  EXPECT_EQ(broken.worst_row, 3u);
  EXPECT_EQ(broken.remark(0.998), "not finite at value 192");

  std::vector<float> zeros(reference.begin(), reference.end()), stray;
  for (std::size_t i = kCols; i < 2 * kCols; ++i) zeros[i] = 0;
  EXPECT_TRUE(passes(compare_rows(zeros, zeros, kCols), 1.0));
  stray = zeros;
  stray[kCols] = 1e-3f;
  EXPECT_FALSE(passes(compare_rows(zeros, stray, kCols), 0.998));
}

TEST(CompareRows, RefusesWhatIsNotRows) {
  const std::vector<float> values(10);
  EXPECT_THROW(compare_rows(values, values, 3), UserError);
  EXPECT_THROW(compare_rows(values, values, 0), UserError);
  EXPECT_THROW(compare_rows(values, std::vector<float>(9), 3), UserError);
}

}  // namespace
}  // namespace tessera::metrics
