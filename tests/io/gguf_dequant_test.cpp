#include "io/gguf_dequant.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "io/byte_reader.hpp"
#include "io/half.hpp"
#include "util/file.hpp"

namespace tessera::io {
namespace {

// scripts/make_io_fixtures.py wrote the blocks and what the `gguf` package makes of them.
TEST(GgufDequant, EveryTypeIsBitEqualToTheReference) {
  const auto file = MappedFile::open(TESSERA_TEST_DATA "/io/dequant.bin");
  ByteReader in(file->bytes(), "dequant.bin");
  int types = 0;
  while (in.remaining() != 0) {
    const auto* info = find_ggml_type(in.read<std::uint32_t>("type"));
    ASSERT_NE(info, nullptr);
    const auto bytes = in.read<std::uint32_t>("bytes");
    const auto values = in.read<std::uint32_t>("values");
    const auto data = in.take(bytes, "data");
    std::vector<float> want(values), got(values);
    std::memcpy(want.data(), in.take(values * 4, "values").data(), values * 4);
    dequantize(info->type, data, got);
    for (std::size_t i = 0; i < values; ++i) {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(got[i]), std::bit_cast<std::uint32_t>(want[i]))
          << info->name << " value " << i << ": " << got[i] << " instead of " << want[i];
    }
    ++types;
  }
  EXPECT_EQ(types, 13);
}

TEST(GgufDequant, BigTensorsAreTheSameInPieces) {
  const auto& info = ggml_type_info(GgmlType::Q4_1);
  std::vector<std::byte> data(20 * 20000);
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = static_cast<std::byte>(i % 20 == 1 || i % 20 == 3 ? 0x3C : i * 7 % 251);
  std::vector<float> whole(20000 * 32), piece(32);
  dequantize(info.type, data, whole);
  for (std::size_t b = 0; b < 20000; ++b) {
    dequantize(info.type, std::span(data).subspan(b * 20, 20), piece);
    ASSERT_TRUE(std::ranges::equal(std::as_bytes(std::span(piece)),
                                   std::as_bytes(std::span(whole).subspan(b * 32, 32))))
        << "block " << b;
  }
}

TEST(GgufDequant, SizesMustMatch) {
  std::vector<std::byte> data(19);
  std::vector<float> out(32);
  EXPECT_THROW(dequantize(GgmlType::Q4_0, data, out), UserError);
  data.resize(18);
  out.resize(31);
  EXPECT_THROW(dequantize(GgmlType::Q4_0, data, out), UserError);
}

TEST(Half, SpecialValues) {
  EXPECT_EQ(half_to_float(0x3C00), 1.0f);
  EXPECT_EQ(half_to_float(0xC000), -2.0f);
  EXPECT_EQ(half_to_float(0x0001), 0x1p-24f);
  EXPECT_EQ(half_to_float(0x7BFF), 65504.0f);
  EXPECT_EQ(half_to_float(0xFC00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(half_to_float(0x7E00)));
  EXPECT_TRUE(std::signbit(half_to_float(0x8000)));
}

}  // namespace
}  // namespace tessera::io
