// SFPMAD where it is IEEE, and where it is not.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "util/rng.hpp"
#include "wormhole/lane.hpp"

namespace tessera::wormhole {
namespace {

constexpr std::uint32_t kInf = 0x7F800000u, kMinus = 0x80000000u, kNan = 0x7FC00000u;

std::uint32_t bits(float value) {
  return std::bit_cast<std::uint32_t>(value);
}

// Additions and products of normal numbers round to nearest even, as IEEE does.
TEST(Sfpmad, SumsAndProductsAreCorrectlyRounded) {
  Rng rng(3);
  for (int i = 0; i < 20000; ++i) {
    const float x = rng.heavy_tailed() * std::ldexp(1.0f, static_cast<int>(rng.below(20)) - 10);
    const float y = rng.heavy_tailed();
    ASSERT_EQ((Lane(x) + Lane(y)).bits, bits(x + y)) << x << " + " << y;
    ASSERT_EQ((Lane(x) - Lane(y)).bits, bits(x - y)) << x << " - " << y;
    ASSERT_EQ((Lane(x) * Lane(y)).bits, bits(x * y)) << x << " * " << y;
  }
}

// The product keeps three bits below a float's last, the third sticky: after cancellation the result is off
// by those, never by more.
TEST(Sfpmad, IsPartlyFused) {
  Rng rng(4);
  int off = 0;
  for (int i = 0; i < 20000; ++i) {
    const float x = rng.normal(), y = rng.normal(), z = -x * y * (1 + 0x1.0p-20f * rng.normal());
    const double exact = static_cast<double>(x) * y + z;
    const float got = std::bit_cast<float>(mad(x, y, z).bits);
    const double unit = std::ldexp(1.0, std::ilogb(x * y) - 25);
    ASSERT_LE(std::abs(got - exact), unit) << x << " * " << y << " + " << z;
    off += got != static_cast<float>(exact) ? 1 : 0;
  }
  EXPECT_GT(off, 0) << "a fused multiply-add would be exact";
}

TEST(Sfpmad, DenormalsAreZero) {
  EXPECT_EQ(sfpmad(1, bits(1), 1), 0u);
  EXPECT_EQ(sfpmad(bits(0), bits(5), bits(-3)), bits(-3));
  EXPECT_EQ(sfpmad(bits(0x1.0p-100f), bits(0x1.0p-100f), 0), 0u);
  EXPECT_EQ(sfpmad(bits(0x1.0p-100f), bits(0x1.0p-100f), bits(7)), bits(7));
  EXPECT_EQ(sfpmad(bits(-0.0f), bits(1), bits(-0.0f)), 0u) << "there is no -0";
}

TEST(Sfpmad, Specials) {
  EXPECT_EQ(sfpmad(kInf, bits(2), bits(1)), kInf);
  EXPECT_EQ(sfpmad(kInf, bits(-2), bits(1)), kInf | kMinus);
  EXPECT_EQ(sfpmad(bits(1), bits(1), kInf | kMinus), kInf | kMinus);
  EXPECT_EQ(sfpmad(bits(0x1.0p127f), bits(2), 0), kInf);
  EXPECT_EQ(sfpmad(bits(0x1.0p127f), bits(1), bits(0x1.0p127f)), kInf);
  for (const auto nan : {sfpmad(kInf, 0, bits(1)), sfpmad(kNan, bits(1), bits(1)),
                         sfpmad(bits(1), bits(1), kNan), sfpmad(kInf, bits(1), kInf | kMinus)}) {
    EXPECT_TRUE(is_nan(nan)) << std::hex << nan;
  }
}

TEST(Sfpu, RoundToBfloat16GoesUpAtTies) {
  EXPECT_EQ(float_to_fp16b(0x3F808000u), 0x3F810000u);
  EXPECT_EQ(float_to_fp16b(0xBF808000u), 0xBF810000u);
  EXPECT_EQ(float_to_fp16b(0x3F807FFFu), 0x3F800000u);
  EXPECT_EQ(float_to_fp16b(0x80000001u), 0u);
  EXPECT_EQ(float_to_fp16b(kNan | kMinus), kInf | kMinus);
}

TEST(Sfpu, LoadAndStore) {
  EXPECT_EQ(sfpu_store(DestFormat::Bf16, 0x3F80FFFFu), 0x3F800000u) << "truncates";
  EXPECT_EQ(sfpu_store(DestFormat::Bf16, 0x807FFFFFu), kMinus);
  EXPECT_EQ(sfpu_store(DestFormat::Fp32, 0x3F80FFFFu), 0x3F80FFFFu);
  EXPECT_EQ(sfpu_load(DestFormat::Fp32, 0x807FFFFFu), kMinus);
  EXPECT_EQ(sfpu_load(DestFormat::Bf16, 0x3F800000u), 0x3F800000u);
}

TEST(Lane, ComparesAsTheUnitDoes) {
  EXPECT_TRUE(Lane(-1.0f) < Lane(0.5f));
  EXPECT_FALSE(Lane(2.0f) < Lane(2.0f));
  EXPECT_TRUE(Lane(2.0f) >= Lane(2.0f));
  EXPECT_FALSE(Lane(2.0f) > Lane(2.0f));
  EXPECT_EQ(lesser(Lane(-3.0f), Lane(-2.0f)).bits, bits(-3));
  EXPECT_EQ(greater(Lane(-3.0f), Lane(-2.0f)).bits, bits(-2));
}

}  // namespace
}  // namespace tessera::wormhole
