// The adder's corners, each worked out by hand from section 4.
#include "wormhole/accumulate.hpp"

#include <gtest/gtest.h>

#include <bit>

#include "wormhole/eltwise.hpp"
#include "wormhole/matmul.hpp"

namespace tessera::wormhole {
namespace {

constexpr std::uint32_t bits(float value) {
  return std::bit_cast<std::uint32_t>(value);
}

std::uint32_t dot(DestFormat format, std::initializer_list<std::pair<float, float>> products, float dest) {
  std::array<std::uint32_t, 16> a{}, b{};
  std::size_t k = 0;
  for (const auto& [x, y] : products) {
    a[k] = bits(x);
    b[k++] = bits(y);
  }
  return mvmul(format, 0, a, b, bits(dest));
}

TEST(Accumulate, SmallIntegersAreExact) {
  EXPECT_EQ(dot(DestFormat::Fp32, {{1, 2}, {3, 4}, {-5, 6}}, 0), bits(-16));
  EXPECT_EQ(dot(DestFormat::Bf16, {{1, 2}, {3, 4}}, 0.5f), bits(14.5f));
}

TEST(Accumulate, ADestOf16BitsIsRoundedEachTimeTiesAway) {
  EXPECT_EQ(dot(DestFormat::Bf16, {{1, 1}}, 256), bits(258));  // 257: a tie between 256 and 258
  EXPECT_EQ(dot(DestFormat::Bf16, {{-1, 1}}, -256), bits(-258));
  EXPECT_EQ(dot(DestFormat::Bf16, {{0.5f, 1}}, 256), bits(256));
  EXPECT_EQ(dot(DestFormat::Fp32, {{0.5f, 1}}, 256), bits(256.5f));
}

// A negative group rounds its ties towards zero, Dest away from it.
TEST(Accumulate, TiesOfNegativeGroupsGoUp) {
  const Group minus_half{true, 127, 1u << 22};  // -0.5 at a distance of 24 from 2^24 * ...
  const std::uint32_t dest = bits(0x1.0p24f);
  EXPECT_EQ(accumulate(DestFormat::Fp32, dest, {false, 127, 1u << 23}), bits(0x1.000002p24f));  // +1: tie, up
  EXPECT_EQ(accumulate(DestFormat::Fp32, dest, {true, 127, 1u << 23}), dest);  // -1: tie, to 0
  EXPECT_EQ(accumulate(DestFormat::Fp32, dest, minus_half), dest);
}

TEST(Accumulate, AnExactZeroIsPlusZero) {
  EXPECT_EQ(dot(DestFormat::Fp32, {{1, -1}}, 1), 0u);
  EXPECT_EQ(dot(DestFormat::Bf16, {{1, -3}}, 3), 0u);
  EXPECT_EQ(dot(DestFormat::Fp32, {{0, 5}, {-0.0f, 5}}, -0.0f), 0u);
}

TEST(Accumulate, DenormalDestAndResultsBelowTheNormalsAreZero) {
  EXPECT_EQ(dot(DestFormat::Fp32, {}, 0x1.0p-127f), 0u);
  EXPECT_EQ(dot(DestFormat::Fp32, {{0x1.0p-100f, 0x1.0p-27f}}, 0), 0u);
  EXPECT_EQ(dot(DestFormat::Fp32, {{0x1.0p-100f, 0x1.0p-26f}}, 0), bits(0x1.0p-126f));
}

// Exponent 255 is a large ordinary number on the way in; overflow on the way out is infinity.
TEST(Accumulate, InfinitiesAreNumbersAndOverflowSaturates) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(dot(DestFormat::Fp32, {{kInf, 0}}, 2), bits(2));
  EXPECT_EQ(dot(DestFormat::Fp32, {{kInf, 1}, {-kInf, 1}}, 0), 0u);
  EXPECT_EQ(dot(DestFormat::Fp32, {{kInf, 0.5f}}, 0), bits(0x1.0p127f));
  EXPECT_EQ(dot(DestFormat::Fp32, {{0x1.0p100f, -0x1.0p100f}}, 0), bits(-kInf));
  EXPECT_EQ(dot(DestFormat::Bf16, {}, kInf), bits(kInf));
}

// A group that cancels keeps its exponent: a small Dest is aligned to it and lost.
TEST(Accumulate, ACancelledGroupStillAligns) {
  EXPECT_EQ(dot(DestFormat::Fp32, {{0x1.0p30f, 1}, {-0x1.0p30f, 1}}, 1), 0u);
  EXPECT_EQ(dot(DestFormat::Fp32, {}, 1), bits(1));
}

// The normalisation bug: a sum of exactly -1 unit becomes 2^27 times larger, +1 unit does not.
TEST(Accumulate, MinusOneUnitIsNormalisedWrongly) {
  const float above_one = 0x1.000002p0f;
  EXPECT_EQ(dot(DestFormat::Fp32, {{1, 1}}, -above_one), bits(-16));
  EXPECT_EQ(dot(DestFormat::Fp32, {{-1, 1}}, above_one), bits(0x1.0p-23f));
  EXPECT_EQ(dot(DestFormat::Fp32, {{0x1.0p64f, 0x1.0p63f}}, -0x1.000002p127f),
            bits(-std::numeric_limits<float>::infinity()));  // 2^131
}

TEST(Eltwise, TheSmallerOperandIsRoundedToElevenBitsFirst) {
  const auto add = [](float a, float b) {
    return eltwise(EltwiseOp::Add, MathFidelity::LoFi, DestFormat::Fp32, bits(a), bits(b));
  };
  EXPECT_EQ(add(1, 0x1.0p-10f), bits(1 + 0x1.0p-10f));
  EXPECT_EQ(add(1, 0x1.0p-11f), bits(1 + 0x1.0p-10f));  // half a unit: up
  EXPECT_EQ(add(1, 0x1.0p-12f), bits(1));
  EXPECT_EQ(add(-1, 1), 0u);
  EXPECT_EQ(eltwise(EltwiseOp::Subtract, MathFidelity::LoFi, DestFormat::Bf16, bits(3), bits(5)), bits(-2));
}

TEST(Eltwise, MultiplyTakesItsSlicesPhaseByPhase) {
  const float a = 1 + 0x1.0p-5f, b = 1.5f;  // a's last bit is in SrcA's lower slice
  const auto multiply = [&](MathFidelity fidelity) {
    return eltwise(EltwiseOp::Multiply, fidelity, DestFormat::Fp32, bits(a), bits(b));
  };
  EXPECT_EQ(multiply(MathFidelity::LoFi), bits(1.5f));
  EXPECT_EQ(multiply(MathFidelity::HiFi2), bits(a * b));
}

// MOVA2D flushes denormals with their sign; an fp32 Dest is filled by an addition, which drops -0.
TEST(Eltwise, CopiesToDest) {
  Tile source{};
  source[0] = 0x80010000u;
  source[1] = 0xFF800000u;
  source[2] = bits(-0.0f);
  source[3] = bits(-3);
  for (const DestFormat format : {DestFormat::Bf16, DestFormat::Fp32}) {
    const Tile dest = copy_to_dest(format, source);
    EXPECT_EQ(dest[0], 0u);
    EXPECT_EQ(dest[1], 0xFF800000u);
    EXPECT_EQ(dest[2], 0u);
    EXPECT_EQ(dest[3], bits(-3));
  }
}

}  // namespace
}  // namespace tessera::wormhole
