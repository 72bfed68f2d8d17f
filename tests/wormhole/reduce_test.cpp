#include "wormhole/reduce.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <vector>

namespace tessera::wormhole {
namespace {

std::vector<std::uint32_t> words(std::initializer_list<float> values) {
  std::vector<std::uint32_t> row(32);
  std::size_t i = 0;
  for (const float v : values) row[i++] = std::bit_cast<std::uint32_t>(v);
  return row;
}

constexpr std::uint32_t kOne = 0x3F800000u;

TEST(Reduce, SumsScaleAndAccumulate) {
  const auto row = words({1, 2, 3, -0.5f});
  EXPECT_EQ(reduce_sum(MathFidelity::HiFi4, DestFormat::Fp32, row, kOne), std::bit_cast<std::uint32_t>(5.5f));
  EXPECT_EQ(reduce_sum(MathFidelity::HiFi4, DestFormat::Fp32, row, 0x3E800000u, kOne),
            std::bit_cast<std::uint32_t>(1 + 5.5f / 4));
}

// The data is in SrcA, whose first slice has 5 bits: LoFi drops the others.
TEST(Reduce, LoFiSeesFiveBitsOfTheData) {
  const auto row = words({1 + 0x1.0p-5f});
  EXPECT_EQ(reduce_sum(MathFidelity::LoFi, DestFormat::Fp32, row, kOne), kOne);
  EXPECT_EQ(reduce_sum(MathFidelity::HiFi2, DestFormat::Fp32, row, kOne), row[0]);
}

// A 16-bit Dest is rounded after each 16 values: 256 + 1 is a tie, and goes up every time.
TEST(Reduce, ALongSumNeedsAnFp32Dest) {
  std::vector<std::uint32_t> row(1024);
  for (std::size_t i = 0; i < row.size(); i += 16) row[i] = kOne;
  const std::uint32_t start = std::bit_cast<std::uint32_t>(256.0f);
  EXPECT_EQ(reduce_sum(MathFidelity::HiFi4, DestFormat::Fp32, row, kOne, start),
            std::bit_cast<std::uint32_t>(320.0f));
  EXPECT_EQ(reduce_sum(MathFidelity::LoFi, DestFormat::Bf16, row, kOne, start),
            std::bit_cast<std::uint32_t>(384.0f));
}

TEST(Reduce, MaximumComparesSignAndMagnitude) {
  EXPECT_EQ(reduce_max(words({-3, 2, 1})), std::bit_cast<std::uint32_t>(2.0f));
  std::vector<std::uint32_t> negative(16, 0xC0000000u);
  negative[7] = 0xBF800000u;
  EXPECT_EQ(reduce_max(negative), 0xBF800000u);
  EXPECT_EQ(reduce_max(std::vector<std::uint32_t>(16, 0x00000001u)), 0u) << "denormals are zero";
}

}  // namespace
}  // namespace tessera::wormhole
