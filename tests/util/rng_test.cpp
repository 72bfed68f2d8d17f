#include "util/rng.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace tessera::test {
namespace {

// The reference implementation's first outputs (Vigna, splitmix64.c).
TEST(Rng, IsSplitMix64) {
  Rng rng(1234567);
  for (const std::uint64_t expected : {6457827717110365317ull, 3203168211198807973ull, 9817491932198370423ull,
                                       4593380528125082431ull, 16408922859458223821ull}) {
    EXPECT_EQ(rng.next(), expected);
  }
  EXPECT_EQ(Rng(0).next(), 0xE220A8397B1DCDAFull);
}

TEST(Rng, UniformIsInItsRange) {
  Rng rng(1);
  double least = 1, most = 0, sum = 0;
  for (int i = 0; i < 20000; ++i) {
    const double u = rng.uniform();
    least = std::min(least, u);
    most = std::max(most, u);
    sum += u;
    ASSERT_LT(rng.below(7), 7u);
  }
  EXPECT_GE(least, 0.0);
  EXPECT_LT(most, 1.0);
  EXPECT_LT(least, 0.001);
  EXPECT_GT(most, 0.999);
  EXPECT_NEAR(sum / 20000, 0.5, 0.01);
}

TEST(Rng, NormalHasItsMoments) {
  Rng rng(2);
  double sum = 0, squares = 0;
  int beyond_two = 0;
  for (int i = 0; i < 50000; ++i) {
    const double x = rng.normal();
    sum += x;
    squares += x * x;
    beyond_two += std::abs(x) > 2;
  }
  EXPECT_NEAR(sum / 50000, 0, 0.02);
  EXPECT_NEAR(squares / 50000, 1, 0.03);
  EXPECT_NEAR(beyond_two / 50000.0, 0.0455, 0.005);
}

TEST(Rng, HeavyTailsAreHeavy) {
  Rng rng(3);
  int beyond_six = 0;
  for (int i = 0; i < 50000; ++i) {
    const float x = rng.heavy_tailed();
    ASSERT_TRUE(std::isfinite(x));
    beyond_six += std::abs(x) > 6;
  }
  // Student's t with 3 degrees of freedom: 0.93 %; a normal variable: 2e-9.
  EXPECT_NEAR(beyond_six / 50000.0, 0.0093, 0.002);
}

}  // namespace
}  // namespace tessera::test
