#include "nn/rope.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "util/error.hpp"

namespace tessera::nn {
namespace {

io::ModelConfig config(int head_dim, float theta, io::RopeForm form = io::RopeForm::Halves) {
  io::ModelConfig config;
  config.head_dim = head_dim;
  config.rope_theta = theta;
  config.rope_form = form;
  return config;
}

class RopeTest : public ::testing::Test {
 protected:
  // Angles of one position, one a frequency, from the cosines and sines of a table in halves.
  std::vector<double> angles(const io::ModelConfig& config, std::int64_t position) const {
    const Rope rope(*device_, config, 64);
    const RopeRows rows = rope.range(position, 1);
    const std::vector<float> cos = rows.cos.to_vector(), sin = rows.sin.to_vector();
    std::vector<double> result;
    for (std::size_t i = 0; i < cos.size() / 2; ++i) result.push_back(std::atan2(sin[i], cos[i]));
    return result;
  }
  static void expect_angles(const std::vector<double>& actual, const std::vector<double>& expected) {
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-6) << i;
  }
  std::shared_ptr<Device> device_ = Device::open("cpu", Engine::Ref);
};

TEST_F(RopeTest, KnownAngles) {
  expect_angles(angles(config(4, 10000), 3), {3.0, 0.03});
  expect_angles(angles(config(8, 10000), 2), {2.0, 0.2, 0.02, 0.002});
  expect_angles(angles(config(4, 25), 0), {0.0, 0.0});
}

TEST_F(RopeTest, FormsHoldTheSameValuesInTheirOwnOrder) {
  const RopeRows halves = Rope(*device_, config(4, 10000), 64).range(5, 2);
  const RopeRows pairs = Rope(*device_, config(4, 10000, io::RopeForm::Pairs), 64).range(5, 2);
  EXPECT_EQ(halves.cos.logical_shape(), (Shape{1, 1, 2, 4}));
  const auto h = halves.sin.to_vector(), p = pairs.sin.to_vector();
  for (std::size_t row = 0; row < 2; ++row) {
    for (std::size_t i = 0; i < 2; ++i) {
      const float value = h[row * 4 + i];
      EXPECT_EQ(h[row * 4 + i + 2], value);
      EXPECT_EQ(p[row * 4 + 2 * i], value);
      EXPECT_EQ(p[row * 4 + 2 * i + 1], value);
    }
  }
}

TEST_F(RopeTest, LinearScaling) {
  io::ModelConfig scaled = config(4, 10000);
  scaled.rope_scaling.type = "linear";
  scaled.rope_scaling.factor = 2;
  expect_angles(angles(scaled, 3), {1.5, 0.015});
}

// Wavelengths of 6.3, 31.4 and 157 against bounds of 16 and 64: kept, blended, divided.
TEST_F(RopeTest, Llama3Scaling) {
  io::ModelConfig scaled = config(6, 125);
  scaled.rope_scaling = {.type = "llama3",
                         .factor = 8,
                         .low_freq_factor = 1,
                         .high_freq_factor = 4,
                         .original_max_position_embeddings = 64,
                         .frequency_divisors = {}};
  const double smooth = (64 / (2 * M_PI / 0.2) - 1) / 3;
  EXPECT_NEAR(smooth, 0.34573, 1e-5);
  expect_angles(angles(scaled, 1), {1.0, (1 - smooth) * 0.2 / 8 + smooth * 0.2, 0.04 / 8});
}

TEST_F(RopeTest, DivisorsOfAGguf) {
  io::ModelConfig scaled = config(4, 10000);
  scaled.rope_scaling.type = "llama3";
  scaled.rope_scaling.frequency_divisors = {1, 4};
  expect_angles(angles(scaled, 4), {4.0 - 2 * M_PI, 0.01});
  scaled.rope_scaling.frequency_divisors = {1, 4, 8};
  EXPECT_THROW(Rope(*device_, scaled, 64), UserError);
}

TEST_F(RopeTest, UnknownScalingIsNamed) {
  io::ModelConfig scaled = config(4, 10000);
  scaled.rope_scaling.type = "spiral";
  try {
    const Rope rope(*device_, scaled, 64);
    FAIL() << "built";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("\"spiral\""), std::string::npos);
  }
}

TEST_F(RopeTest, GatherTakesEachUsersRow) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    const auto device = Device::open("cpu", engine);
    const Rope rope(*device, config(4, 10000), 64);
    const std::vector<std::int32_t> positions{63, 0, -1, 7};
    const RopeRows rows = rope.gather(to_device(*device, std::span<const std::int32_t>(positions),
                                                {Shape{4}, DataType::INT32, Layout::ROW_MAJOR}));
    EXPECT_EQ(rows.cos.logical_shape(), (Shape{1, 4, 1, 4}));
    const auto cos = rows.cos.to_vector();
    const auto row = [&](std::size_t u) { return std::vector<float>(&cos[u * 4], &cos[u * 4] + 4); };
    EXPECT_EQ(row(0), rope.range(63, 1).cos.to_vector());
    EXPECT_EQ(row(1), std::vector<float>(4, 1.0f));
    EXPECT_EQ(row(2), std::vector<float>(4, 0.0f));  // idle
    EXPECT_EQ(row(3), rope.range(7, 1).cos.to_vector());
  }
}

// q . k depends on the distance of their positions alone, in both forms.
TEST_F(RopeTest, ScoresDependOnDistanceAlone) {
  for (const io::RopeForm form : {io::RopeForm::Halves, io::RopeForm::Pairs}) {
    const Rope rope(*device_, config(8, 100, form), 64);
    const std::vector<float> q{0.3f, -1, 0.7f, 2, -0.4f, 0.9f, 1.1f, -0.2f},
        k{1, 0.2f, -0.5f, 0.8f, 1.5f, -1, 0.1f, 0.6f};
    const auto at = [&](const std::vector<float>& x, std::int64_t position) {
      const Tensor tensor = to_device(*device_, std::span<const float>(x),
                                      {Shape{1, 1, 1, 8}, DataType::FLOAT32, Layout::TILE});
      return rope.apply(tensor, rope.range(position, 1), false).to_vector();
    };
    const auto score = [&](std::int64_t a, std::int64_t b) {
      const auto x = at(q, a), y = at(k, b);
      double sum = 0;
      for (std::size_t i = 0; i < 8; ++i) sum += static_cast<double>(x[i]) * y[i];
      return sum;
    };
    EXPECT_NEAR(score(9, 4), score(60, 55), 1e-5);
    EXPECT_NEAR(score(0, 0), score(33, 33), 1e-5);
    EXPECT_GT(std::abs(score(9, 4) - score(9, 5)), 1e-3);
  }
}

}  // namespace
}  // namespace tessera::nn
