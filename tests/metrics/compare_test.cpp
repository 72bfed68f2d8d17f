#include "metrics/compare.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "util/error.hpp"
#include "util/parallel.hpp"
#include "util/rng.hpp"

namespace tessera::metrics {
namespace {

using Values = std::vector<float>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

Values normal(std::size_t n, std::uint64_t seed) {
  Rng rng(seed);
  Values values(n);
  for (float& value : values) value = rng.normal();
  return values;
}

Values affine(const Values& values, float scale, float offset) {
  Values out;
  for (const float value : values) out.push_back(scale * value + offset);
  return out;
}

// The figures are numpy's: corrcoef, polyfit of degree 1, linalg.norm, in float64.
TEST(Compare, GivesNumpysFigures) {
  const Values r{0.5f, -1.25f, 3.0f, 2.0f, -0.75f, 0.125f, 4.5f, -2.0f};
  const Values d{0.5f, -1.3f, 3.1f, 1.9f, -0.7f, 0.2f, 4.4f, -2.1f};
  const Comparison c = compare(r, d);
  EXPECT_NEAR(c.pcc, 0.9993038127414987, 1e-14);
  EXPECT_NEAR(c.scale, 0.99943, 1e-6);
  EXPECT_NEAR(c.offset, -0.01518858, 1e-7);
  EXPECT_NEAR(c.rel_l2, 0.035736501418313214, 1e-14);
  EXPECT_EQ(c.max_abs, 0.10000002384185791);
  EXPECT_EQ(c.worst_index, 3u);
  EXPECT_NEAR(c.reference_rms, 2.226000477313516, 1e-14);
  EXPECT_FALSE(c.equal);
  EXPECT_TRUE(c.finite);
}

// A one-pass formula in float loses this one: the mean is a thousand times the deviation.
TEST(Compare, KeepsItsDigitsUnderALargeMean) {
  const Values r{1000.5f, 998.75f, 1003.0f, 1002.0f, 999.25f, 1000.125f, 1004.5f, 998.0f};
  const Values d{1000.75f, 998.5f, 1003.5f, 1001.5f, 999.5f, 999.875f, 1004.5f, 998.0f};
  EXPECT_NEAR(compare(r, d).pcc, 0.9900522221589592, 1e-13);
}

TEST(Compare, IsNotFooledByConstants) {
  const Values varying{1, 2, 3, 4}, zeros(4, 0.0f), tenths(4, 0.1f), others(4, 0.2f);
  EXPECT_EQ(compare(varying, zeros).pcc, 0);
  EXPECT_EQ(compare(varying, tenths).pcc, 0);
  EXPECT_EQ(compare(tenths, varying).pcc, 0);
  EXPECT_EQ(compare(tenths, others).pcc, 0);
  EXPECT_EQ(compare(tenths, tenths).pcc, 1);
  EXPECT_EQ(compare(zeros, zeros).pcc, 1);
  EXPECT_FALSE(passes(compare(tenths, others), 0.5));
  EXPECT_TRUE(passes(compare(zeros, zeros), 0.999));
  EXPECT_EQ(compare(zeros, tenths).rel_l2, HUGE_VAL);
  // A constant whose sum is not exact in float, over more than one chunk.
  EXPECT_EQ(compare(normal(100'001, 1), Values(100'001, 0.1f)).pcc, 0);
}

TEST(Compare, IsNotFooledByNanOrInfinity) {
  const Values r{1, 2, 3, 4};
  for (const float bad : {kNan, kInf, -kInf}) {
    const Comparison c = compare(r, Values{1, 2, bad, 4});
    EXPECT_EQ(c.pcc, 0);
    EXPECT_FALSE(c.finite);
    EXPECT_EQ(c.worst_index, 2u);
    EXPECT_EQ(c.max_abs, HUGE_VAL);
    EXPECT_FALSE(passes(c, -1));
    EXPECT_EQ(c.remark(), "not finite at value 2");
    EXPECT_FALSE(compare(Values{1, 2, bad, 4}, r).finite);
  }
  EXPECT_FALSE(compare(Values{1, kInf}, Values{1, -kInf}).finite);
  EXPECT_FALSE(compare(Values{1, kInf}, Values{1, kNan}).finite);
}

TEST(Compare, LeavesOutWhatIsNanOnBothSides) {
  const Comparison c = compare(Values{1, kNan, 2, 3, -kInf}, Values{2, kNan, 4, 6, -kInf});
  EXPECT_NEAR(c.pcc, 1, 1e-15);
  EXPECT_NEAR(c.scale, 2, 1e-15);
  EXPECT_NEAR(c.offset, 0, 1e-15);
  EXPECT_TRUE(compare(Values{kNan, 1}, Values{kNan, 1}).equal);
}

TEST(Compare, SeesTheScaleThatPccCannot) {
  const Values r = normal(1000, 2);
  const Comparison twice = compare(r, affine(r, 2, 0));
  EXPECT_NEAR(twice.pcc, 1, 1e-12);
  EXPECT_NEAR(twice.scale, 2, 1e-12);
  EXPECT_FALSE(passes(twice, 0.999));
  EXPECT_EQ(twice.remark(), "scale 2.00: every value is twice the reference's");
  EXPECT_EQ(compare(r, affine(r, 1.06f, 0)).remark(), "scale 1.060: every value is off by that factor");
  EXPECT_FALSE(passes(compare(r, affine(r, 1.06f, 0)), 0.999));
  EXPECT_TRUE(passes(compare(r, affine(r, 1.04f, 0)), 0.999));
}

// Of one position's logits: noise moves the slope, a factor without noise is seen as before.
TEST(Compare, TheSlopeOfLogitsMayBeOffByWhatNoiseMakesOfIt) {
  const Values r = normal(5000, 6), noise = normal(5000, 7);
  const auto device = [&](float scale, float share) {
    Values d = affine(r, scale, 0);
    for (std::size_t i = 0; i < d.size(); ++i) d[i] += share * noise[i];
    return compare(r, d);
  };
  const Comparison noisy = device(0.94f, 0.16f);
  EXPECT_NEAR(noisy.pcc, 0.986, 0.001);
  EXPECT_NEAR(noisy.scale, 0.94, 0.005);
  EXPECT_TRUE(passes_logits(noisy, 0.94));
  EXPECT_FALSE(passes_logits(noisy, 0.99)) << "the PCC's bar stands";
  EXPECT_FALSE(passes(noisy, 0.94)) << "tensors other than one position's logits have no such noise";
  EXPECT_FALSE(passes_logits(device(0.94f, 0), 0.94));
  EXPECT_FALSE(passes_logits(device(0.94f, 0.03f), 0.94));
  EXPECT_FALSE(passes_logits(device(0.9f, 0.16f), 0.94));
  EXPECT_FALSE(passes_logits(device(1.1f, 0.16f), 0.94));
  EXPECT_TRUE(passes_logits(device(0.96f, 0), 0.94));
}

TEST(Compare, SeesTheShiftThatPccCannot) {
  const Values r = normal(1000, 3);
  const Comparison shifted = compare(r, affine(r, 1, 0.5f));
  EXPECT_GT(shifted.pcc, 0.9999);
  EXPECT_FALSE(passes(shifted, 0.999));
  EXPECT_EQ(shifted.remark(), "offset 0.5: every value is shifted");
  EXPECT_TRUE(passes(compare(r, affine(r, 1, 0.01f)), 0.999));
}

TEST(Compare, HoldsTheThreshold) {
  const Values r = normal(5000, 4), noise = normal(5000, 5);
  Values d = r;
  for (std::size_t i = 0; i < d.size(); ++i) d[i] += 0.1f * noise[i];
  const Comparison c = compare(r, d);  // PCC about 1 / sqrt(1.01)
  EXPECT_NEAR(c.pcc, 0.995, 0.001);
  EXPECT_TRUE(passes(c, 0.99));
  EXPECT_FALSE(passes(c, 0.999));
  EXPECT_EQ(c.remark(), "");
}

TEST(Compare, AcceptsEmptyAndRefusesUnequalSizes) {
  EXPECT_EQ(compare({}, {}).pcc, 1);
  EXPECT_TRUE(compare({}, {}).equal);
  EXPECT_EQ(compare(Values{1}, Values{2}).pcc, 0);
  EXPECT_EQ(compare(Values{1}, Values{1}).pcc, 1);
  EXPECT_THROW(compare(Values{1}, Values{1, 2}), UserError);
}

TEST(Compare, DoesNotDependOnThreads) {
  const Values r = normal(300'000, 6);
  Values d = normal(300'000, 7);
  for (std::size_t i = 0; i < d.size(); ++i) d[i] = r[i] + 0.01f * d[i];
  const int before = num_threads();
  set_num_threads(1);
  const Comparison one = compare(r, d);
  set_num_threads(3);
  const Comparison three = compare(r, d);
  set_num_threads(before);
  EXPECT_EQ(one.pcc, three.pcc);
  EXPECT_EQ(one.scale, three.scale);
  EXPECT_EQ(one.rel_l2, three.rel_l2);
  EXPECT_EQ(one.worst_index, three.worst_index);
}

TEST(Ulp, CountsStepsOfTheFormat) {
  EXPECT_EQ(ulp_max(Values{1.0f}, Values{1.0078125f}, DataType::BFLOAT16), 1);
  EXPECT_EQ(ulp_max(Values{1.0f}, Values{1.0078125f}, DataType::FLOAT32), 1 << 16);
  EXPECT_EQ(ulp_max(Values{1.0f}, Values{std::nextafter(1.0f, 2.0f)}, DataType::FLOAT32), 1);
  EXPECT_EQ(ulp_max(Values{0.0f}, Values{-0.0f}, DataType::FLOAT32), 0);
  const float least = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(ulp_max(Values{-least}, Values{least}, DataType::FLOAT32), 2);
  EXPECT_THROW(ulp_max(Values{1}, Values{}, DataType::FLOAT32), UserError);
}

}  // namespace
}  // namespace tessera::metrics
