// The vector unit's programs against the functions they stand for.
#include "wormhole/vector_ops.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "tensor/bfloat16.hpp"
#include "wormhole/fields.hpp"
#include "wormhole/row_programs.hpp"
#include "wormhole/sfpu.hpp"

namespace tessera::wormhole {
namespace {

constexpr VectorMode kBf16{false, false}, kFp32{true, false}, kApproximate{false, true};
constexpr float kInf = std::numeric_limits<float>::infinity();

float run(VectorOp op, VectorMode mode, float x) {
  return std::bit_cast<float>(vector_op(op, mode, std::bit_cast<std::uint32_t>(x)));
}

double truth(VectorOp op, double x) {
  switch (op) {
    case VectorOp::Exp:
      return std::exp(x);
    case VectorOp::Reciprocal:
      return 1 / x;
    case VectorOp::Sqrt:
      return std::sqrt(x);
    case VectorOp::Rsqrt:
      return 1 / std::sqrt(x);
    case VectorOp::Sigmoid:
      return 1 / (1 + std::exp(-x));
    case VectorOp::Silu:
      return x / (1 + std::exp(-x));
    case VectorOp::Gelu:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case VectorOp::Tanh:
      return std::tanh(x);
  }
  return 0;
}

// Distance to the truth in units of bfloat16's last place (float32's for kFp32) at the truth.
double ulps(VectorOp op, VectorMode mode, float x) {
  const double expected = truth(op, x);
  const int digits = mode.fp32_dest ? 23 : 7;
  const double unit = std::ldexp(1.0, std::max(std::ilogb(expected), -126) - digits);
  return std::abs(run(op, mode, x) - expected) / unit;
}

struct Case {
  VectorOp op;
  double low, high;  // inputs, every bfloat16 between
  double bf16_ulps;  // at most, with a 16-bit Dest: 0.5 is correct rounding
  double fp32_ulps;
};

class VectorOps : public testing::TestWithParam<Case> {};

TEST_P(VectorOps, EveryBfloat16InRange) {
  const Case& c = GetParam();
  double worst16 = 0, worst32 = 0;
  for (std::uint32_t word = 0; word < 0x10000; ++word) {
    const float x = bf16_to_float(static_cast<bf16>(word));
    if (!(x >= c.low && x <= c.high) || std::abs(x) < 0x1.0p-60f) continue;
    worst16 = std::max(worst16, ulps(c.op, kBf16, x));
    worst32 = std::max(worst32, ulps(c.op, kFp32, x));
  }
  EXPECT_LE(worst16, c.bf16_ulps);
  EXPECT_LE(worst32, c.fp32_ulps);
}

INSTANTIATE_TEST_SUITE_P(
    Programs, VectorOps,
    testing::Values(Case{VectorOp::Exp, -80, 88, 1, 2}, Case{VectorOp::Reciprocal, 1e-18, 1e18, 0.55, 2},
                    Case{VectorOp::Sqrt, 1e-18, 1e18, 0.55, 2}, Case{VectorOp::Rsqrt, 1e-18, 1e18, 0.55, 2},
                    Case{VectorOp::Sigmoid, -80, 80, 1, 4}, Case{VectorOp::Silu, -80, 80, 1, 4},
                    Case{VectorOp::Gelu, -8, 8, 1, 1e6}, Case{VectorOp::Tanh, -8, 8, 2, 10}),
    [](const auto& test) { return std::string(to_string(test.param.op)); });

TEST(VectorOpsCorners, Poles) {
  for (const VectorMode mode : {kBf16, kFp32}) {
    EXPECT_EQ(run(VectorOp::Reciprocal, mode, 0.0f), kInf);
    EXPECT_EQ(run(VectorOp::Reciprocal, mode, -0.0f), -kInf);
    EXPECT_EQ(run(VectorOp::Reciprocal, mode, kInf), 0.0f);
    EXPECT_EQ(run(VectorOp::Rsqrt, mode, 0.0f), kInf);
    EXPECT_EQ(run(VectorOp::Rsqrt, mode, kInf), 0.0f);
    EXPECT_EQ(run(VectorOp::Sqrt, mode, 0.0f), 0.0f);
    EXPECT_EQ(run(VectorOp::Sqrt, mode, kInf), kInf);
    EXPECT_EQ(run(VectorOp::Exp, mode, 1000.0f), kInf);
    EXPECT_EQ(run(VectorOp::Exp, mode, -1000.0f), 0.0f);
    EXPECT_EQ(run(VectorOp::Exp, mode, -kInf), 0.0f) << "masked attention scores";
    EXPECT_EQ(run(VectorOp::Sigmoid, mode, -1000.0f), 0.0f);
    EXPECT_EQ(run(VectorOp::Sigmoid, mode, 1000.0f), 1.0f);
  }
  EXPECT_TRUE(std::isnan(run(VectorOp::Rsqrt, kFp32, -1.0f)));
  EXPECT_EQ(run(VectorOp::Rsqrt, kBf16, -1.0f), kInf) << "NaN is stored as infinity in bfloat16";
}

TEST(VectorOpsCorners, ApproximateModesAreRough) {
  for (float x = -20; x < 20; x += 0.37f) {
    EXPECT_NEAR(run(VectorOp::Exp, kApproximate, x) / std::exp(x), 1, 0.13) << x;
    EXPECT_NEAR(run(VectorOp::Gelu, kApproximate, x), truth(VectorOp::Gelu, x), 0.04) << x;
    EXPECT_NEAR(run(VectorOp::Tanh, kApproximate, x), truth(VectorOp::Tanh, x), 0.15) << x;
  }
  for (float x = 0.01f; x < 1e4f; x *= 1.31f) {
    EXPECT_NEAR(run(VectorOp::Rsqrt, kApproximate, x) * std::sqrt(x), 1, 0.005) << x;
    EXPECT_NEAR(run(VectorOp::Sqrt, kApproximate, x) / std::sqrt(x), 1, 0.005) << x;
    EXPECT_NEAR(run(VectorOp::Reciprocal, kApproximate, x) * x, 1, 0.001) << x;
  }
}

TEST(VectorOpsCorners, ATileInA16BitDestIsStoredTruncated) {
  Tile dest{};
  dest.fill(std::bit_cast<std::uint32_t>(1.0f));
  apply_vector_op(VectorOp::Exp, kApproximate, dest);
  for (const auto word : dest) EXPECT_EQ(word & 0xFFFFu, 0u);
  const float expected = run(VectorOp::Exp, kApproximate, 1.0f);
  EXPECT_EQ(dest[0], std::bit_cast<std::uint32_t>(expected) & 0xFFFF0000u);
}

// A row kernel looks results of a 16-bit Dest up: each op and mode has its own table.
TEST(VectorOpsCorners, TheTableHasWhatTheProgramComputes) {
  for (int op = 0; op < 8; ++op) {
    for (const bool approximate : {false, true}) {
      const RowKernel kernel({.approximate = approximate});
      for (std::uint32_t word = 0; word < 65536; word += 7) {
        const std::uint32_t loaded = sfpu_load(DestFormat::Bf16, word << 16);
        const auto which = static_cast<VectorOp>(op);
        ASSERT_EQ(kernel.vector(which, word << 16),
                  sfpu_store(DestFormat::Bf16, vector_op(which, {false, approximate}, loaded)))
            << to_string(which) << (approximate ? " approximate " : " ") << std::hex << word;
      }
    }
  }
}

}  // namespace
}  // namespace tessera::wormhole
