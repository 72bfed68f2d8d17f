// argmax, topk, sampling: from logits to a token.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "op_test_util.hpp"
#include "ops/argmax/argmax.hpp"
#include "ops/sampling/sampling.hpp"
#include "ops/topk/topk.hpp"

namespace tessera::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Argmax, FastMatchesRef) {
  for (const std::int64_t dim : {1, 7, 64, 1001}) {
    // bfloat16 has many equal values: the first must win on both.
    expect_fast_matches_ref([&](Maker& make) {
      return std::vector{argmax(make.normal({1, 1, 5, dim})), argmax(make.extreme({3, dim})),
                         argmax(make.normal({dim}), 0)};
    });
  }
}

TEST(Argmax, FirstOfEqualsAndNeverNan) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    for_each_isa([&] {
      Maker make(engine, DataType::FLOAT32);
      const auto of = [&](std::vector<float> values) {
        const auto n = static_cast<std::int64_t>(values.size());
        return argmax(make.from(values, {1, n})).to_int_vector()[0];
      };
      for (std::size_t n = 1; n < 40; ++n) {
        std::vector<float> values(n, 1.0f);
        EXPECT_EQ(of(values), 0);
        values[n - 1] = 2;
        EXPECT_EQ(of(values), n - 1);
        values[n / 2] = 2;
        EXPECT_EQ(of(values), n / 2);
        values[0] = kNan;
        if (n > 2) {
          EXPECT_EQ(of(values), n / 2);
        }
        std::ranges::fill(values, -kInf);
        EXPECT_EQ(of(values), 0);
        values[0] = kNan;
        EXPECT_EQ(of(values), n > 1 ? 1 : 0);
        std::ranges::fill(values, kNan);
        EXPECT_EQ(of(values), 0);
      }
    });
  }
}

TEST(Argmax, ShapesAndRefusals) {
  for (const Engine engine : {Engine::Ref, Engine::Fast, Engine::Meta}) {
    Maker make(engine, DataType::BFLOAT16);
    EXPECT_EQ(argmax(make.normal({1, 1, 5, 9})).spec(),
              (TensorSpec{{1, 1, 5}, DataType::UINT32, Layout::ROW_MAJOR}));
    EXPECT_EQ(argmax(make.normal({9})).logical_shape(), (Shape{1}));
    expect_refused("argmax", "only the last dimension", [&] { argmax(make.normal({4, 9}), 0); });
  }
}

TEST(Topk, FastMatchesRef) {
  for (const std::int64_t dim : {1, 5, 64, 200, 3000}) {
    for (const int k : {1, 4, 32}) {
      if (k > dim) continue;
      expect_fast_matches_ref([&](Maker& make) {
        const auto a = topk(make.normal({1, 1, 3, dim}), k), b = topk(make.extreme({2, dim}), k);
        return std::vector{a[0], a[1], b[0], b[1]};
      });
    }
  }
  expect_fast_matches_ref([](Maker& make) {
    const auto all = topk(make.normal({2, 77}), 77);
    return std::vector{all[0], all[1]};
  });
}

TEST(Topk, NanComesLast) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    for_each_isa([&] {
      Maker make(engine, DataType::FLOAT32);
      std::vector<float> values(200, kNan);
      values[3] = values[150] = -kInf;
      values[199] = 5;
      const auto [v, i] = topk(make.from(values, {1, 200}), 5);
      EXPECT_EQ(i.to_int_vector(), (std::vector<std::int32_t>{199, 3, 150, 0, 1}));
      EXPECT_EQ(v.to_vector()[0], 5);
      EXPECT_TRUE(std::isnan(v.to_vector()[3]));
    });
  }
}

TEST(Topk, Refusals) {
  Maker make(Engine::Meta, DataType::BFLOAT16);
  const Tensor x = make.normal({1, 1, 2, 9});
  expect_refused("topk", "k 10", [&] { topk(x, 10); });
  expect_refused("topk", "k 0", [&] { topk(x, 0); });
  EXPECT_EQ(topk(x, 9)[1].dtype(), DataType::UINT32);
}

class SamplingTest : public ::testing::Test {
 protected:
  std::vector<std::int32_t> draw(const std::vector<float>& row, std::vector<SamplingParams> params,
                                 std::vector<std::int64_t> steps) {
    const auto users = static_cast<std::int64_t>(params.size()), k = std::ssize(row);
    std::vector<float> values;
    std::vector<std::int32_t> ids;
    for (std::int64_t u = 0; u < users; ++u) {
      values.insert(values.end(), row.begin(), row.end());
      for (std::int64_t i = 0; i < k; ++i) ids.push_back(static_cast<std::int32_t>(100 + i));
    }
    const Tensor out =
        sampling(make.from(values, {1, 1, users, k}), make.ints(ids, {1, 1, users, k}), params, steps);
    EXPECT_EQ(out.logical_shape(), (Shape{1, 1, 1, users}));
    return out.to_int_vector();
  }
  std::map<std::int32_t, int> counts(const std::vector<float>& row, SamplingParams params, int n) {
    std::map<std::int32_t, int> result;
    for (int step = 0; step < n; ++step) ++result[draw(row, {params}, {step})[0]];
    return result;
  }
  Maker make{Engine::Fast, DataType::FLOAT32};
};

TEST_F(SamplingTest, TemperatureZeroIsGreedy) {
  EXPECT_EQ(draw({3, 2, 1}, {{}, {0, 2, 0.5f, 9}}, {0, 5}), (std::vector<std::int32_t>{100, 100}));
}

TEST_F(SamplingTest, FollowsTheDistribution) {
  const std::vector<float> row{std::log(6.0f), std::log(3.0f), std::log(1.0f)};
  auto n = counts(row, {1.0f, 0, 1.0f, 42}, 4000);
  EXPECT_NEAR(n[100], 2400, 120);
  EXPECT_NEAR(n[101], 1200, 110);
  EXPECT_NEAR(n[102], 400, 80);
  n = counts(row, {0.5f, 0, 1.0f, 42}, 4000);  // weights 36, 9, 1
  EXPECT_NEAR(n[100], 4000 * 36 / 46.0, 110);
  n = counts(row, {1.0f, 2, 1.0f, 42}, 4000);  // 6 and 3
  EXPECT_NEAR(n[100], 2667, 120);
  EXPECT_EQ(n.count(102), 0u);
  n = counts(row, {1.0f, 0, 0.61f, 42}, 500);  // 0.6 is not enough: two candidates
  EXPECT_EQ(n.size(), 2u);
  n = counts(row, {1.0f, 0, 0.59f, 42}, 500);
  EXPECT_EQ(n.size(), 1u);
}

TEST_F(SamplingTest, ASeedDrawsTheSameAloneAndInABatch) {
  const std::vector<float> row(50, 1.0f);
  const std::vector<SamplingParams> params{{1, 0, 1, 7}, {1, 0, 1, 8}, {1, 0, 1, 7}};
  const auto batch = draw(row, params, {3, 3, 4});
  EXPECT_EQ(batch[0], draw(row, {params[0]}, {3})[0]);
  EXPECT_EQ(batch[1], draw(row, {params[1]}, {3})[0]);
  EXPECT_EQ(batch[2], draw(row, {params[2]}, {4})[0]);
  int equal = 0;
  for (int step = 0; step < 100; ++step) {
    equal += draw(row, {params[0]}, {step + 1})[0] == draw(row, {params[1]}, {step})[0] ? 1 : 0;
  }
  EXPECT_LT(equal, 12);  // neighbouring seeds are not shifts of each other
}

TEST_F(SamplingTest, NoDistribution) {
  EXPECT_EQ(draw({kNan, kNan}, {{1}}, {0})[0], 100);
  EXPECT_EQ(draw({kInf, 1}, {{1}}, {0})[0], 100);
  EXPECT_EQ(draw({-kInf, -kInf}, {{1}}, {0})[0], 100);
  for (int step = 0; step < 50; ++step) EXPECT_EQ(draw({1, -kInf}, {{1}}, {step})[0], 100);
  EXPECT_EQ(draw({1, 0.99f}, {{1e-38f}}, {0})[0], 100);
}

TEST_F(SamplingTest, Refusals) {
  expect_refused("sampling", "temperature -1", [&] { draw({1}, {{-1}}, {0}); });
  expect_refused("sampling", "top_k -1", [&] { draw({1}, {{1, -1}}, {0}); });
  expect_refused("sampling", "top_p 0", [&] { draw({1}, {{1, 0, 0}}, {0}); });
  expect_refused("sampling", "top_p 1.5", [&] { draw({1}, {{1, 0, 1.5f}}, {0}); });
  expect_refused("sampling", "2 steps for 1 users", [&] { draw({1}, {{1}}, {0, 1}); });
}

}  // namespace
}  // namespace tessera::test
