// The mixture of experts against the formula of its papers, written out in double.
#include "nn/moe.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "ops/trace_check.hpp"
#include "util/rng.hpp"

namespace tessera::nn {
namespace {

constexpr std::int64_t kHidden = 40, kInner = 70;
constexpr std::size_t kExperts = 6;

struct Weights {
  std::vector<float> router;  // [hidden, experts]
  std::array<std::vector<float>, kExperts> gate, up, down;

  Weights() {
    Rng rng(11);
    const auto random = [&](std::int64_t n, double deviation) {
      std::vector<float> values(static_cast<std::size_t>(n));
      for (float& value : values) value = static_cast<float>(deviation) * rng.normal();
      return values;
    };
    router = random(kHidden * static_cast<std::int64_t>(kExperts), 0.4);
    for (std::size_t e = 0; e < kExperts; ++e) {
      gate[e] = random(kHidden * kInner, 0.2);
      up[e] = random(kHidden * kInner, 0.2);
      down[e] = random(kInner * kHidden, 0.2);
    }
  }
};

std::vector<double> product(const std::vector<double>& x, const std::vector<float>& w, std::size_t cols) {
  std::vector<double> y(cols);
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t c = 0; c < cols; ++c) y[c] += x[i] * double{w[i * cols + c]};
  }
  return y;
}

// Softmax over all experts, the best k, divided by their sum where `norm`.
std::vector<double> expected_row(const Weights& w, const std::vector<double>& x, std::size_t k, bool norm) {
  std::vector<double> shares = product(x, w.router, kExperts);
  double sum = 0;
  for (double& share : shares) sum += share = std::exp(share);
  for (double& share : shares) share /= sum;
  std::vector<std::size_t> order(kExperts);
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return shares[a] > shares[b]; });
  double kept = 0;
  for (std::size_t j = 0; j < k; ++j) kept += shares[order[j]];
  std::vector<double> y(static_cast<std::size_t>(kHidden));
  for (std::size_t j = 0; j < k; ++j) {
    const std::size_t e = order[j];
    const auto gate = product(x, w.gate[e], static_cast<std::size_t>(kInner));
    auto inner = product(x, w.up[e], static_cast<std::size_t>(kInner));
    for (std::size_t i = 0; i < inner.size(); ++i) inner[i] *= gate[i] / (1 + std::exp(-gate[i]));
    const auto out = product(inner, w.down[e], static_cast<std::size_t>(kHidden));
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += shares[e] / (norm ? kept : 1) * out[i];
  }
  return y;
}

Tensor matrix(Device& device, const std::vector<float>& values, std::int64_t rows) {
  const auto cols = static_cast<std::int64_t>(values.size()) / rows;
  return to_device(device, std::span<const float>(values),
                   {Shape{rows, cols}, DataType::FLOAT32, Layout::TILE}, DRAM_WIDTH_SHARDED)
      .set_constant();
}

Moe make_moe(Device& device, const Weights& w, int k, bool norm) {
  Moe moe;
  moe.router = {"gate", matrix(device, w.router, kHidden), {}};
  moe.top_k = k;
  moe.norm_topk_prob = norm;
  for (std::size_t e = 0; e < kExperts; ++e) {
    moe.gate_proj.push_back(matrix(device, w.gate[e], kHidden));
    moe.up_proj.push_back(matrix(device, w.up[e], kHidden));
    moe.down_proj.push_back(matrix(device, w.down[e], kInner));
  }
  return moe;
}

Tensor rows_of(Device& device, const std::vector<float>& values) {
  const auto n = static_cast<std::int64_t>(values.size()) / kHidden;
  return to_device(device, std::span<const float>(values),
                   {Shape{1, 1, n, kHidden}, DataType::FLOAT32, Layout::TILE});
}

std::vector<float> random_rows(std::int64_t n, std::uint64_t seed = 1) {
  Rng rng(seed);
  std::vector<float> values(static_cast<std::size_t>(n * kHidden));
  for (float& value : values) value = rng.normal();
  return values;
}

class MoeOn : public ::testing::TestWithParam<Engine> {};

TEST_P(MoeOn, IsTheFormula) {
  const Weights weights;
  const std::vector<float> values = random_rows(9);
  const auto device = Device::open("cpu", GetParam());
  for (const bool norm : {true, false}) {
    for (const int k : {1, 2, 4}) {
      const Moe moe = make_moe(*device, weights, k, norm);
      const Tensor y = moe.forward(rows_of(*device, values));
      EXPECT_EQ(y.logical_shape(), (Shape{1, 1, 9, kHidden}));
      const std::vector<float> actual = y.to_vector();
      for (std::int64_t r = 0; r < 9; ++r) {
        const auto at = values.begin() + r * kHidden;
        const auto expected = expected_row(weights, {at, at + kHidden}, static_cast<std::size_t>(k), norm);
        for (std::size_t c = 0; c < expected.size(); ++c)
          EXPECT_NEAR(actual[static_cast<std::size_t>(r * kHidden) + c], expected[c], 3e-6)
              << "k " << k << " row " << r << " channel " << c;
      }
    }
  }
}

TEST_P(MoeOn, ARowIsTheSameAloneAndInACrowd) {
  const Weights weights;
  const std::vector<float> values = random_rows(20);
  const auto device = Device::open("cpu", GetParam());
  const Moe moe = make_moe(*device, weights, 2, true);
  const std::vector<float> all = moe.forward(rows_of(*device, values)).to_vector();
  for (std::int64_t r = 0; r < 20; ++r) {
    const auto row = values.begin() + r * kHidden, out = all.begin() + r * kHidden;
    EXPECT_EQ(moe.forward(rows_of(*device, {row, row + kHidden})).to_vector(),
              std::vector<float>(out, out + kHidden))
        << r;
  }
}

TEST_P(MoeOn, ATraceChoosesAnew) {
  const Weights weights;
  const auto device = Device::open("cpu", GetParam());
  const Moe moe = make_moe(*device, weights, 2, true);
  Tensor x = rows_of(*device, random_rows(4));
  const TraceCheck check = check_trace(
      *device,
      [&](int round) {
        copy_to_device(std::span<const float>(random_rows(4, 100 + static_cast<std::uint64_t>(round))), x);
      },
      [&] { moe.forward(x); }, 4);
  EXPECT_EQ(check.difference, "");
  EXPECT_GT(check.commands, 5);
}

INSTANTIATE_TEST_SUITE_P(Engines, MoeOn, ::testing::Values(Engine::Ref, Engine::Fast),
                         [](const auto& instance) { return std::string(to_string(instance.param)); });

}  // namespace
}  // namespace tessera::nn
