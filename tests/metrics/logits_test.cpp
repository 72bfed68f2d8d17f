#include "metrics/logits.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "util/error.hpp"

namespace tessera::metrics {
namespace {

using Values = std::vector<float>;
using Ids = std::vector<std::int32_t>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

// numpy: sum(p * log(p / q)) in float64.
TEST(Kl, GivesNumpysFigures) {
  const Values a{2, 1, 0.5f, -1, 3}, b{2.5f, 1, 0.25f, -1, 2.5f};
  EXPECT_NEAR(softmax_kl(a, b), 0.09575047684087618, 1e-15);
  EXPECT_NEAR(softmax_kl(b, a), 0.10296751395133513, 1e-15);  // not symmetric: the order matters
  EXPECT_EQ(softmax_kl(a, a), 0);
}

TEST(Kl, IgnoresAShiftAndSurvivesLargeLogits) {
  EXPECT_NEAR(softmax_kl(Values{1, 2, 3}, Values{101, 102, 103}), 0, 1e-12);
  EXPECT_NEAR(softmax_kl(Values{1e4f, 0}, Values{1e4f, 5}), 0, 1e-12);
}

TEST(Kl, IsInfiniteForWhatIsNoDistribution) {
  const Values a{1, 2, 3};
  EXPECT_EQ(softmax_kl(a, Values{1, kNan, 3}), HUGE_VAL);
  EXPECT_EQ(softmax_kl(Values{kNan, 2, 3}, a), HUGE_VAL);
  EXPECT_EQ(softmax_kl(a, Values{1, kInf, 3}), HUGE_VAL);
  EXPECT_EQ(softmax_kl(a, Values(3, -kInf)), HUGE_VAL);
  EXPECT_EQ(softmax_kl(a, Values{1, -kInf, 3}), HUGE_VAL);  // masks what the reference allows
  EXPECT_EQ(softmax_kl(Values{1, -kInf, 3}, Values{1, -kInf, 3}), 0);
  EXPECT_THROW(softmax_kl({}, {}), UserError);
  EXPECT_THROW(softmax_kl(a, Values{1}), UserError);
}

TEST(Argmax, TakesTheFirstOfEqualsAndNeverNan) {
  EXPECT_EQ(argmax(Values{1, 3, 3, 2}), 1);
  EXPECT_EQ(argmax(Values{kNan, -5, kNan, -4}), 3);
  EXPECT_EQ(argmax(Values{-kInf, -kInf}), 0);
}

TEST(Topk, SortsAndPutsNanLast) {
  EXPECT_EQ(topk(Values{1, 5, 3, 5, 2}, 3), (Ids{1, 3, 2}));
  EXPECT_EQ(topk(Values{kNan, 5, kNan, 7}, 4), (Ids{3, 1, 0, 2}));
  EXPECT_EQ(topk(Values{1, 2}, 5), (Ids{1, 0}));
  EXPECT_TRUE(topk({}, 5).empty());
}

// The trap of the guide's listing: the reference's own token is always in the reference's own list.
TEST(Agree, LooksForTheDevicesTokenAmongTheReferencesFive) {
  const Values reference{9, 8, 7, 6, 5, 4, 3};
  Values device = reference;
  device[4] = 20;
  TokenAgreement a = agree(reference, device);
  EXPECT_EQ(a.device, 4);
  EXPECT_FALSE(a.top1);
  EXPECT_TRUE(a.top5);
  EXPECT_EQ(a.margin, 4);
  device[5] = 30;
  a = agree(reference, device);
  EXPECT_EQ(a.device, 5);
  EXPECT_FALSE(a.top5);
  EXPECT_EQ(a.margin, 5);
  EXPECT_GT(a.kl, 1);
}

TEST(Agree, IsNotFooledByNan) {
  const Values reference{9, 8, 7};
  const TokenAgreement a = agree(reference, Values{9, kNan, 7});
  EXPECT_EQ(a.device, 0);
  EXPECT_FALSE(a.top1);
  EXPECT_FALSE(a.top5);
  EXPECT_EQ(a.kl, HUGE_VAL);
  EXPECT_TRUE(agree(reference, reference).top1);
  EXPECT_TRUE(agree(reference, reference).top5);
}

}  // namespace
}  // namespace tessera::metrics
