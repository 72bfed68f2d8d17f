// rms_norm, layer_norm, softmax: one row in, one row out.
#include <cmath>
#include <limits>

#include "op_test_util.hpp"
#include "ops/layer_norm/layer_norm.hpp"
#include "ops/rms_norm/rms_norm.hpp"
#include "ops/softmax/softmax.hpp"

namespace tessera::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Norm, FastMatchesRef) {
  for (const std::int64_t dim : {1, 8, 33, 576, 1000}) {
    for (const std::int64_t rows : {1, 32}) {
      expect_fast_matches_ref([&](Maker& make) {
        const Tensor x = make.heavy_tailed({1, 1, rows, dim});
        const Tensor weight = make.normal({dim}), bias = make.normal({1, 1, 1, dim});
        return std::vector{rms_norm(x, 1e-5f), rms_norm(x, 1e-5f, weight), rms_norm(x, 1e-5f, weight, bias),
                           rms_norm(x, 1e-5f, {}, bias), softmax(x)};
      });
      if (dim == 1) continue;  // x - mean is 0 or the rounding of the mean
      expect_fast_matches_ref([&](Maker& make) {
        const Tensor x = make.normal({1, 1, rows, dim});
        const Tensor weight = make.normal({dim}), bias = make.normal({dim});
        return std::vector{layer_norm(x, 1e-5f), layer_norm(x, 1e-5f, weight, bias)};
      });
    }
  }
}

// A row in four parts of which the last is half padding, as a model divides it among chips.
TEST(DistributedNorm, IsTheNormOfTheWholeRow) {
  constexpr std::int64_t kParts = 4, kPart = 40, kWidth = 140;
  for (const std::int64_t rows : {1, 37}) {
    expect_fast_matches_ref([&](Maker& make) {
      const Tensor whole = make.heavy_tailed({1, 1, rows, kWidth}), weight = make.normal({kWidth});
      const std::vector<float> x = whole.to_vector(), w = weight.to_vector();
      std::vector<Tensor> parts, weights, results{rms_norm(whole, 1e-5f, weight)};
      std::vector<float> stats(static_cast<std::size_t>(rows * kParts));
      for (std::int64_t p = 0; p < kParts; ++p) {
        std::vector<float> part(static_cast<std::size_t>(rows * kPart)), own(kPart);
        for (std::int64_t i = 0; i < kPart && p * kPart + i < kWidth; ++i) {
          own[static_cast<std::size_t>(i)] = w[static_cast<std::size_t>(p * kPart + i)];
          for (std::int64_t r = 0; r < rows; ++r)
            part[static_cast<std::size_t>(r * kPart + i)] =
                x[static_cast<std::size_t>(r * kWidth + p * kPart + i)];
        }
        parts.push_back(make.from(part, {1, 1, rows, kPart}));
        weights.push_back(make.from(own, {kPart}));
        const Tensor mine = rms_norm_pre_all_gather(parts.back());
        EXPECT_EQ(mine.dtype(), DataType::FLOAT32);
        const std::vector<float> sums = mine.to_vector();
        for (std::int64_t r = 0; r < rows; ++r)
          stats[static_cast<std::size_t>(r * kParts + p)] = sums[static_cast<std::size_t>(r)];
      }
      const Tensor all =
          to_device(make.device(), stats, {Shape{1, 1, rows, kParts}, DataType::FLOAT32, Layout::TILE});
      const std::vector<float> expected = results[0].to_vector();
      for (std::size_t p = 0; p < parts.size(); ++p) {
        results.push_back(rms_norm_post_all_gather(parts[p], all, 1e-5f, weights[p], {}, kWidth));
        const std::vector<float> got = results.back().to_vector();
        for (std::int64_t r = 0; r < rows; ++r) {
          for (std::int64_t i = 0; i < kPart; ++i) {
            const std::int64_t at = static_cast<std::int64_t>(p) * kPart + i;
            const float e = at < kWidth ? expected[static_cast<std::size_t>(r * kWidth + at)] : 0;
            EXPECT_NEAR(got[static_cast<std::size_t>(r * kPart + i)], e, std::abs(e) * 0.008f + 1e-6f);
          }
        }
      }
      return results;
    });
  }
}

TEST(Norm, KnownValues) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    Maker make(engine, DataType::FLOAT32);
    const Tensor x = make.from({1, 2, 3, 4}, {1, 4});
    const float rms = std::sqrt(7.5f), deviation = std::sqrt(1.25f);
    expect_close({1 / rms, 2 / rms, 3 / rms, 4 / rms}, rms_norm(x, 0).to_vector(), {0, 1e-6f});
    const Tensor weight = make.from({2, 2, 2, 0}, {4}), bias = make.from({1, 1, 1, 1}, {4});
    expect_close({-3 / deviation + 1, -1 / deviation + 1, 1 / deviation + 1, 1},
                 layer_norm(x, 0, weight, bias).to_vector(), {0, 2e-6f});
    const double sum = 1 + std::exp(-1) + std::exp(-2) + std::exp(-3);
    expect_close({static_cast<float>(std::exp(-3) / sum), static_cast<float>(std::exp(-2) / sum),
                  static_cast<float>(std::exp(-1) / sum), static_cast<float>(1 / sum)},
                 softmax(x).to_vector(), {0, 1e-6f});
  }
}

TEST(Norm, LayerNormKeepsSmallDifferencesOnALargeMean) {
  for_each_isa([] {
    Maker make(Engine::Fast, DataType::FLOAT32);
    const Tensor x = make.from({4096, 4097, 4098, 4099}, {1, 4});
    const float d = std::sqrt(1.25f);
    expect_close({-1.5f / d, -0.5f / d, 0.5f / d, 1.5f / d}, layer_norm(x, 0).to_vector(), {1e-6f, 1e-6f});
  });
}

TEST(Norm, ExtremeValues) {
  for (const float scale : {0.0f, 1e-42f, 1e-15f, 1e15f}) {
    expect_fast_matches_ref([&](Maker& make) {
      std::vector<float> values(70);
      for (float& v : values) v = make.rng().normal() * scale;
      const Tensor x = make.from(values, {1, 70});
      return std::vector{rms_norm(x, 1e-5f), softmax(x)};
    });
  }
}

TEST(Norm, SoftmaxOfMaskedRows) {
  for_each_isa([] {
    for (const Engine engine : {Engine::Ref, Engine::Fast}) {
      for (const std::int64_t dim : {3, 40}) {
        Maker make(engine, DataType::FLOAT32);
        const auto n = static_cast<std::size_t>(dim);
        std::vector<float> values(3 * n, -kInf);  // row 0: nothing but -inf
        values[n] = -1000;                        // row 1: one entry
        values[2 * n + n - 1] = kNan;             // row 2
        const std::vector<float> y = softmax(make.from(values, {3, dim})).to_vector();
        for (std::size_t i = 0; i < n; ++i) {
          EXPECT_EQ(y[i], 0.0f);
          EXPECT_EQ(y[n + i], i == 0 ? 1.0f : 0.0f);
          EXPECT_TRUE(std::isnan(y[2 * n + i])) << i;
        }
      }
    }
  });
}

TEST(Norm, SoftmaxSumsToOne) {
  for_each_isa([] {
    Maker make(Engine::Fast, DataType::FLOAT32);
    const std::vector<float> y = softmax(make.extreme({20, 131})).to_vector();
    for (std::size_t r = 0; r < 20; ++r) {
      double sum = 0;
      for (std::size_t i = 0; i < 131; ++i) sum += y[r * 131 + i];
      EXPECT_NEAR(sum, 1, 1e-5);
    }
  });
}

TEST(Norm, RowsDoNotDependOnTheirNeighbours) {
  expect_rows_independent([](const Tensor& x) { return rms_norm(x, 1e-5f); });
  expect_rows_independent([](const Tensor& x) { return layer_norm(x, 1e-5f); });
  expect_rows_independent([](const Tensor& x) { return softmax(x); });
}

TEST(Norm, Refusals) {
  for (const Engine engine : {Engine::Ref, Engine::Fast, Engine::Meta}) {
    Maker make(engine, DataType::BFLOAT16);
    const Tensor x = make.normal({1, 1, 4, 6}), five = make.normal({5});
    expect_refused("rms_norm", "6 values expected", [&] { rms_norm(x, 1e-5f, five); });
    expect_refused("layer_norm", "6 values expected", [&] { layer_norm(x, 1e-5f, {}, five); });
    expect_refused("layer_norm", "epsilon -1", [&] { layer_norm(x, -1); });
    expect_refused("rms_norm_post_all_gather", "a width of 19: 3 chips with 6 channels each hold 18",
                   [&] { rms_norm_post_all_gather(x, make.normal({1, 1, 4, 3}), 1e-5f, {}, {}, 19); });
    expect_refused("rms_norm_post_all_gather", "one row for each row",
                   [&] { rms_norm_post_all_gather(x, make.normal({1, 1, 5, 3})); });
    expect_refused("softmax", "only the last dimension", [&] { softmax(x, 1); });
    EXPECT_EQ(softmax(x, 3).spec(), x.spec());
  }
}

}  // namespace
}  // namespace tessera::test
