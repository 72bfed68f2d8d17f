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
    expect_refused("softmax", "only the last dimension", [&] { softmax(x, 1); });
    EXPECT_EQ(softmax(x, 3).spec(), x.spec());
  }
}

}  // namespace
}  // namespace tessera::test
