// Unpacker and packer, bit patterns by hand and round trips.
#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "tensor/block_float.hpp"
#include "tensor/tile.hpp"
#include "tiles.hpp"
#include "util/error.hpp"
#include "wormhole/l1_accumulate.hpp"
#include "wormhole/pack.hpp"
#include "wormhole/unpack.hpp"

namespace tessera::wormhole::test {
namespace {

constexpr std::uint32_t bits(float value) {
  return std::bit_cast<std::uint32_t>(value);
}

std::vector<std::byte> tile_of(DataType dtype) {
  return std::vector<std::byte>(static_cast<std::size_t>(tile_bytes(dtype)));
}

std::uint32_t unpack_first(DataType dtype, std::uint8_t exponent, std::uint8_t code) {
  auto tile = tile_of(dtype);
  tile[0] = std::byte{exponent};
  tile[64] = std::byte{code};
  return unpack_to_source(dtype, SrcFormat::Float16b, tile)[0];
}

TEST(Unpack, BlockFloat) {
  EXPECT_EQ(unpack_first(DataType::BFLOAT8_B, 127, 0x40), bits(1));
  EXPECT_EQ(unpack_first(DataType::BFLOAT8_B, 127, 0xC1), bits(-65.0f / 64));
  EXPECT_EQ(unpack_first(DataType::BFLOAT8_B, 127, 0x01), bits(1.0f / 64));
  EXPECT_EQ(unpack_first(DataType::BFLOAT8_B, 3, 0x01), 0x7E800000u) << "exponent 3 - 6 wraps to 253";
  EXPECT_EQ(unpack_first(DataType::BFLOAT8_B, 127, 0x00), 0u);
  EXPECT_EQ(unpack_first(DataType::BFLOAT8_B, 127, 0x80), 0xFF800000u) << "negative zero is -infinity";
  EXPECT_EQ(unpack_first(DataType::BFLOAT4_B, 127, 0x0E), bits(-1.5f));
  EXPECT_EQ(unpack_first(DataType::BFLOAT4_B, 127, 0x08), 0xFF800000u);
}

TEST(Unpack, Float32RegistersTruncate) {
  auto tile = tile_of(DataType::FLOAT32);
  const auto first = [&](std::uint32_t word, SrcFormat format) {
    std::memcpy(tile.data(), &word, 4);
    return unpack_to_source(DataType::FLOAT32, format, tile)[0];
  };
  EXPECT_EQ(first(0x3F80FFFFu, SrcFormat::Float16b), 0x3F800000u);
  EXPECT_EQ(first(0x3F80FFFFu, SrcFormat::Tf32), 0x3F80E000u);
  EXPECT_EQ(first(0x807FFFFFu, SrcFormat::Float16b), 0x80000000u) << "denormal";
  EXPECT_EQ(first(0x807FFFFFu, SrcFormat::Tf32), 0x807FE000u) << "flushed at use, not here";
  EXPECT_EQ(first(bits(-1.5f), SrcFormat::Float16), make_word(true, 15, 1u << 22));
  EXPECT_EQ(first(bits(0x1.0p-15f), SrcFormat::Float16), 0u);
  EXPECT_EQ(first(bits(0x1.0p-16f), SrcFormat::Float16), 0u);
  EXPECT_EQ(first(bits(0x1.0p17f), SrcFormat::Float16), make_word(false, 31, 0x3FFu << 13));
  std::memcpy(tile.data() + 4, tile.data(), 4);
  EXPECT_EQ(unpack_to_dest(tile)[1], bits(0x1.0p17f));
  EXPECT_THROW(unpack_to_source(DataType::INT32, SrcFormat::Tf32, tile), UserError);
}

TEST(Unpack, RegistersThatTtMetalChooses) {
  EXPECT_EQ(source_format(DataType::BFLOAT16, true, false), SrcFormat::Float16b);
  EXPECT_EQ(source_format(DataType::FLOAT32, true, true), SrcFormat::Tf32);
  EXPECT_EQ(source_format(DataType::FLOAT32, false, false), SrcFormat::Float16b);
  EXPECT_EQ(source_format(DataType::FLOAT32, false, true), SrcFormat::Float16);
}

std::uint32_t pack_bf16(DestFormat format, std::uint32_t word, PackOptions options = {}) {
  Tile dest{};
  dest[0] = word;
  auto l1 = tile_of(DataType::BFLOAT16);
  pack_tile(format, dest, DataType::BFLOAT16, l1, options);
  return std::to_integer<std::uint32_t>(l1[0]) | std::to_integer<std::uint32_t>(l1[1]) << 8;
}

TEST(Pack, Bfloat16) {
  EXPECT_EQ(pack_bf16(DestFormat::Fp32, 0x3F808000u), 0x3F81u) << "a tie goes up, not to even";
  EXPECT_EQ(pack_bf16(DestFormat::Fp32, 0xBF808000u), 0xBF81u);
  EXPECT_EQ(pack_bf16(DestFormat::Fp32, 0x7F7FFFFFu), 0x7F80u) << "may carry into infinity";
  EXPECT_EQ(pack_bf16(DestFormat::Fp32, 0xFFC12345u), 0xFF80u) << "NaN";
  EXPECT_EQ(pack_bf16(DestFormat::Fp32, 0x80000000u), 0u);
  EXPECT_EQ(pack_bf16(DestFormat::Fp32, 0x807F8000u), 0x8080u)
      << "a denormal that rounds to the first normal";
  EXPECT_EQ(pack_bf16(DestFormat::Bf16, 0x80700000u), 0u);
  EXPECT_EQ(pack_bf16(DestFormat::Bf16, bits(-2), {.relu = true}), 0u);
  EXPECT_EQ(pack_bf16(DestFormat::Bf16, bits(2), {.relu = true}), 0x4000u);
}

TEST(Pack, BlockFloatRoundsTwiceAndSaturates) {
  Tile dest{};
  dest[0] = bits(0x1.fep0f);    // rounds up to 2 at six fraction bits: the exponent is bumped before sharing
  dest[16] = bits(0x1.fcp0f);   // 127 / 64
  dest[17] = bits(0x1.0p-7f);   // half a unit: up
  dest[32] = bits(-0x1.0p-9f);  // alone in its group: keeps its own exponent
  auto l1 = tile_of(DataType::BFLOAT8_B);
  pack_tile(DestFormat::Fp32, dest, DataType::BFLOAT8_B, l1);
  EXPECT_EQ(l1[0], std::byte{128});
  EXPECT_EQ(l1[64], std::byte{0x40});
  EXPECT_EQ(l1[1], std::byte{127});
  EXPECT_EQ(l1[64 + 16], std::byte{127});
  EXPECT_EQ(l1[64 + 17], std::byte{1});
  EXPECT_EQ(l1[2], std::byte{118});
  EXPECT_EQ(l1[64 + 32], std::byte{0xC0});
  pack_tile(DestFormat::Fp32, dest, DataType::BFLOAT8_B, l1, {.precise = true});
  EXPECT_EQ(l1[0], std::byte{127}) << "precise: truncated to bfloat16, then one rounding";
  EXPECT_EQ(l1[64], std::byte{127}) << "... which saturates";
}

// The tensor room has the same rule for activations; the two must never part.
TEST(Pack, EqualsTheTensorRoomsDeviceRule) {
  for (int kind = 0; kind < kKinds; ++kind) {
    Rng rng(static_cast<std::uint64_t>(kind));
    const Tile dest = random_dest(static_cast<Kind>(kind), rng, DestFormat::Bf16);
    for (const DataType dtype : {DataType::BFLOAT8_B, DataType::BFLOAT4_B}) {
      auto l1 = tile_of(dtype);
      pack_tile(DestFormat::Bf16, dest, dtype, l1);
      for (std::size_t group = 0; group < 64; ++group) {
        std::array<bf16, 16> values;
        for (std::size_t i = 0; i < 16; ++i) values[i] = static_cast<bf16>(dest[group * 16 + i] >> 16);
        const BlockGroup expected = pack_group_device(dtype, values);
        ASSERT_EQ(std::to_integer<int>(l1[group]), expected.exponent);
        for (std::size_t i = 0; i < 16; ++i) {
          const std::size_t at = group * 16 + i;
          const int code = dtype == DataType::BFLOAT8_B
                               ? std::to_integer<int>(l1[64 + at])
                               : std::to_integer<int>(l1[64 + at / 2]) >> (at % 2 * 4) & 15;
          ASSERT_EQ(code, expected.codes[i]);
        }
      }
    }
  }
}

// What the packer wrote, unpacked and packed again, does not change: activations may pass through many ops.
TEST(Pack, IsIdempotentOnBlockFloat) {
  Rng rng(7);
  for (const DataType dtype : {DataType::BFLOAT8_B, DataType::BFLOAT4_B}) {
    auto once = tile_of(dtype), twice = once;
    pack_tile(DestFormat::Bf16, random_dest(Kind::Normal, rng, DestFormat::Bf16), dtype, once);
    pack_tile(DestFormat::Bf16, unpack_to_source(dtype, SrcFormat::Float16b, once), dtype, twice);
    EXPECT_EQ(once, twice);
  }
}

TEST(Pack, Float32AndFp16Dest) {
  Tile dest{};
  dest[0] = 0x807FFFFFu;  // float32 from an fp32 Dest passes as it is
  dest[1] = 0x7FC00001u;
  auto l1 = tile_of(DataType::FLOAT32);
  pack_tile(DestFormat::Fp32, dest, DataType::FLOAT32, l1);
  EXPECT_EQ(std::memcmp(l1.data(), dest.data(), 8), 0);
  dest[0] = make_word(true, 15, 1u << 22);
  dest[1] = make_word(true, 0, 1u << 22);
  pack_tile(DestFormat::Fp16, dest, DataType::FLOAT32, l1);
  const Tile packed = unpack_to_dest(l1);
  EXPECT_EQ(packed[0], bits(-1.5f));
  EXPECT_EQ(packed[1], 0u);
  EXPECT_THROW(pack_tile(DestFormat::Fp16, dest, DataType::BFLOAT16, l1), UserError);
  EXPECT_THROW(pack_tile_accumulate(DestFormat::Fp32, dest, DataType::BFLOAT8_B, l1), UserError);
}

TEST(L1Accumulate, Corners) {
  EXPECT_EQ(l1_add_bfloat16(0x7F80, 0xFF80), 0x7FC0) << "inf - inf";
  EXPECT_EQ(l1_add_bfloat16(0x7F80, 0x7F80), 0x7F80);
  EXPECT_EQ(l1_add_bfloat16(0x7FC1, 0xFF80), 0xFF80) << "a NaN in L1 is a large number";
  EXPECT_EQ(l1_add_bfloat16(0xFFC1, 0x3F80), 0xFF80);
  EXPECT_EQ(l1_add_bfloat16(0x4380, 0x3F80), 0x4380) << "256 + 1: a tie goes to even here";
  EXPECT_EQ(l1_add_bfloat16(0x4381, 0x3F80), 0x4382);
  EXPECT_EQ(l1_add_bfloat16(0x0070, 0x0080), 0x0080) << "denormals are zero";
  EXPECT_EQ(l1_add_bfloat16(0x0081, 0x8080), 0x0000) << "a denormal sum";
  EXPECT_EQ(l1_add_bfloat16(0x8081, 0x0080), 0x8000);
  EXPECT_EQ(l1_add_float32(0x7F800000u, 0xFF800000u), 0x7FC00000u);
  EXPECT_EQ(l1_add_float32(0x00000001u, 0x80000000u), 0u);
  EXPECT_EQ(l1_add_float32(0x80800001u, 0x00800000u), 0x80000000u);
  EXPECT_EQ(l1_add_float32(bits(1), bits(2)), bits(3));
}

}  // namespace
}  // namespace tessera::wormhole::test
