// Packing rules, bit for bit: the host's for weights, the device packer's for activations and KV.
#include "tensor/block_float.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

namespace tessera::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

BlockGroup host(DataType dtype, std::vector<float> values) {
  values.resize(16);
  return pack_group_host(dtype, std::span(values).first<16>());
}

BlockGroup device(DataType dtype, const std::vector<float>& values) {
  std::array<bf16, 16> bits{};
  std::transform(values.begin(), values.end(), bits.begin(), float_to_bf16);
  return pack_group_device(dtype, bits);
}

std::vector<int> codes(const BlockGroup& group, std::size_t n) {
  return {group.codes.begin(), group.codes.begin() + static_cast<std::ptrdiff_t>(n)};
}

TEST(Bfloat16, RoundsToNearestEven) {
  EXPECT_EQ(float_to_bf16(1.0f), 0x3F80);
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3F808000u)), 0x3F80);  // ties
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3F818000u)), 0x3F82);
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3F808001u)), 0x3F81);
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0xBF818000u)), 0xBF82);
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3F80FFFFu)), 0x3F81);
  EXPECT_EQ(float_to_bf16(-0.0f), 0x8000);
}

TEST(Bfloat16, SpecialValues) {
  EXPECT_EQ(float_to_bf16(kInf), 0x7F80);
  EXPECT_EQ(float_to_bf16(-kInf), 0xFF80);
  EXPECT_EQ(float_to_bf16(std::numeric_limits<float>::max()), 0x7F80);  // rounds up into infinity
  for (const std::uint32_t nan : {0x7F800001u, 0x7FC00000u, 0xFFFFFFFFu, 0x7FA12345u}) {
    EXPECT_EQ(float_to_bf16(std::bit_cast<float>(nan)), 0x7FC0) << nan;
  }
  EXPECT_EQ(float_to_bf16(std::numeric_limits<float>::denorm_min()), 0x0000);
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x00010000u)), 0x0001);  // denormals stay
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = bf16_to_float(static_cast<bf16>(bits));
    if (std::isnan(value)) continue;
    ASSERT_EQ(float_to_bf16(value), bits);
  }
}

TEST(HostPacking, RoundsToNearestEven) {
  // Exponent 133 stands for 2^6: a code is the value itself.
  const BlockGroup group =
      host(DataType::BFLOAT8_B, {64.75f, 65.25f, 64.5f, 65.5f, 64, 127, -64.75f, -64.5f, 1});
  EXPECT_EQ(group.exponent, 133);
  EXPECT_EQ(codes(group, 9), (std::vector<int>{65, 65, 64, 66, 64, 127, 0x80 | 65, 0x80 | 64, 1}));
  const BlockGroup four = host(DataType::BFLOAT4_B, {64, 72, 88, 104, -72, -73, 16, -9});
  EXPECT_EQ(four.exponent, 133);  // a code is 16
  EXPECT_EQ(codes(four, 8), (std::vector<int>{4, 4, 6, 6, 8 | 4, 8 | 5, 1, 8 | 1}));
}

TEST(HostPacking, Saturates) {
  EXPECT_EQ(codes(host(DataType::BFLOAT8_B, {127.5f, -127.75f, 127.25f}), 3),
            (std::vector<int>{127, 255, 127}));
  EXPECT_EQ(codes(host(DataType::BFLOAT4_B, {120, -127, 119}), 3), (std::vector<int>{7, 15, 7}));
}

TEST(HostPacking, NoNegativeZero) {
  EXPECT_EQ(codes(host(DataType::BFLOAT8_B, {64, -0.5f, -0.0f, -0.25f}), 4), (std::vector<int>{64, 0, 0, 0}));
  EXPECT_EQ(codes(host(DataType::BFLOAT4_B, {64, -8}), 2), (std::vector<int>{4, 0}));
}

TEST(HostPacking, ShiftsWithoutSticky) {
  // 32.5 and a last bit above the tie: the alignment drops that bit before it is rounded.
  const float above = std::nextafter(32.5f, 33.0f);
  EXPECT_EQ(codes(host(DataType::BFLOAT8_B, {64, above, 32.5f, 33.5f}), 4),
            (std::vector<int>{64, 32, 32, 34}));
  // Alone it keeps its bits: exponent 2^5, code 65.0000 of half units.
  EXPECT_EQ(host(DataType::BFLOAT8_B, {above}).exponent, 132);
  EXPECT_EQ(codes(host(DataType::BFLOAT8_B, {above}), 1), (std::vector<int>{65}));
}

TEST(HostPacking, FarSmallerValuesVanish) {
  EXPECT_EQ(codes(host(DataType::BFLOAT8_B, {64, 0.5f, 0.75f, 0x1p-17f, 0x1p-18f, 0x1p-100f}), 6),
            (std::vector<int>{64, 0, 1, 0, 0, 0}));
}

TEST(HostPacking, DenormalsAreZeroAndExponent255IsOrdinary) {
  const BlockGroup denormals = host(DataType::BFLOAT8_B, {1e-40f, -1e-45f});
  EXPECT_EQ(denormals.exponent, 0);
  EXPECT_EQ(codes(denormals, 2), (std::vector<int>{0, 0}));
  const BlockGroup group = host(DataType::BFLOAT8_B, {kInf, -kInf, kNan, 0x1p127f, 1});
  EXPECT_EQ(group.exponent, 255);
  EXPECT_EQ(codes(group, 5), (std::vector<int>{64, 0x80 | 64, 96, 32, 0}));
}

TEST(DevicePacking, RoundsHalfUpTwice) {
  const BlockGroup group = device(DataType::BFLOAT8_B, {64, 64.5f, 65.5f, -64.5f, 32.25f, 32.5f, -0.25f});
  EXPECT_EQ(group.exponent, 133);
  // 32.25 is first rounded to 32.5 (six fraction bits), then to 33.
  EXPECT_EQ(codes(group, 7), (std::vector<int>{64, 65, 66, 0x80 | 65, 33, 33, 0}));
  // bfloat4_b truncates the seven bits: 79 -> 64.
  EXPECT_EQ(codes(device(DataType::BFLOAT4_B, {64, 79, 80, -15}), 4), (std::vector<int>{4, 4, 5, 0}));
}

TEST(DevicePacking, SpecialValues) {
  const BlockGroup group = device(DataType::BFLOAT8_B, {kInf, -kInf, kNan, 1});
  EXPECT_EQ(group.exponent, 255);
  EXPECT_EQ(codes(group, 4), (std::vector<int>{64, 0x80 | 64, 64, 0}));
  EXPECT_EQ(device(DataType::BFLOAT8_B, {1e-40f, -1e-40f}).exponent, 0);
  EXPECT_EQ(codes(device(DataType::BFLOAT8_B, {127.5f, -127.5f}), 2), (std::vector<int>{64, 0x80 | 64}));
}

// What the vendor's simulator packed: see tests/data/tensor/README.md.
TEST(DevicePacking, EqualsTheSimulator) {
  std::ifstream in(TESSERA_TEST_DATA "/tensor/device_pack.bin", std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
  constexpr std::size_t kCase = 2048 + 1088 + 576;
  ASSERT_GE(bytes.size(), 10 * kCase);
  ASSERT_EQ(bytes.size() % kCase, 0u);
  for (std::size_t at = 0; at < bytes.size(); at += kCase) {
    SCOPED_TRACE("case " + std::to_string(at / kCase));
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data()) + at;
    int wrong = 0;
    for (std::size_t g = 0; g < 64; ++g) {
      std::array<bf16, 16> values;
      std::memcpy(values.data(), data + g * 32, 32);
      const BlockGroup eight = pack_group_device(DataType::BFLOAT8_B, values);
      const std::uint8_t* expected = data + 2048;
      wrong += eight.exponent != expected[g];
      for (std::size_t i = 0; i < 16; ++i) wrong += eight.codes[i] != expected[64 + g * 16 + i];
      const BlockGroup four = pack_group_device(DataType::BFLOAT4_B, values);
      expected += 1088;
      wrong += four.exponent != expected[g];
      for (std::size_t i = 0; i < 16; ++i) {
        wrong += four.codes[i] != (expected[64 + g * 8 + i / 2] >> (i % 2 * 4) & 15);
      }
    }
    EXPECT_EQ(wrong, 0);
  }
}

TEST(Unpacking, IsExact) {
  BlockGroup group{133, {}};
  group.codes[0] = 65;
  group.codes[1] = 0x80 | 127;
  group.codes[2] = 0x80;
  std::array<float, 16> values;
  unpack_group(DataType::BFLOAT8_B, group, values);
  EXPECT_EQ(values[0], 65.0f);
  EXPECT_EQ(values[1], -127.0f);
  EXPECT_TRUE(values[2] == 0.0f && std::signbit(values[2]));
  // Below the smallest normal number: 3 * 2^(1 - 127 - 6).
  group = {1, {3}};
  unpack_group(DataType::BFLOAT8_B, group, values);
  EXPECT_EQ(values[0], 0x3p-132f);
  group = {0, {1}};
  unpack_group(DataType::BFLOAT4_B, group, values);
  EXPECT_EQ(values[0], 0x1p-129f);
  group = {254, {127}};
  unpack_group(DataType::BFLOAT8_B, group, values);
  EXPECT_EQ(values[0], 127 * 0x1p121f);
}

TEST(Unpacking, PackingAgainChangesNothing) {
  for (const DataType dtype : {DataType::BFLOAT8_B, DataType::BFLOAT4_B}) {
    std::vector<float> values;
    for (int i = 0; i < 37; ++i)
      values.push_back(std::sin(static_cast<float>(i)) * std::exp2(static_cast<float>(i % 9)));
    round_to_block_float(dtype, values);
    std::vector<float> again = values;
    round_to_block_float(dtype, again);
    EXPECT_EQ(again, values) << to_string(dtype);
  }
}

}  // namespace
}  // namespace tessera::test
