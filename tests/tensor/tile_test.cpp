// The 32x32 tile and its faces: known positions, and what padding holds.
#include "tensor/tile.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <vector>

namespace tessera::test {
namespace {

TEST(Tile, FacesInOrder) {
  EXPECT_EQ(index_in_tile(0, 0), 0u);
  EXPECT_EQ(index_in_tile(0, 15), 15u);
  EXPECT_EQ(index_in_tile(0, 16), 256u);  // face 1
  EXPECT_EQ(index_in_tile(1, 0), 16u);
  EXPECT_EQ(index_in_tile(15, 31), 511u);
  EXPECT_EQ(index_in_tile(16, 0), 512u);  // face 2
  EXPECT_EQ(index_in_tile(31, 0), 752u);
  EXPECT_EQ(index_in_tile(16, 16), 768u);  // face 3
  EXPECT_EQ(index_in_tile(31, 31), 1023u);
  std::set<std::size_t> seen;
  for (std::int64_t r = 0; r < 32; ++r) {
    for (std::int64_t c = 0; c < 32; ++c) seen.insert(index_in_tile(r, c));
  }
  EXPECT_EQ(seen.size(), 1024u);
  EXPECT_EQ(*seen.rbegin(), 1023u);
}

TEST(Tile, TilesAreRowMajor) {
  EXPECT_EQ(index_in_tiles(0, 32, 64), 1024u);
  EXPECT_EQ(index_in_tiles(32, 0, 64), 2048u);
  EXPECT_EQ(index_in_tiles(33, 40, 64), 3 * 1024u + 24);
}

TEST(Tile, TilizePutsElementsAndZeros) {
  const Shape logical{2, 33, 40}, padded{2, 64, 64};
  std::vector<float> rows(2 * 33 * 40);
  std::iota(rows.begin(), rows.end(), 1.0f);
  std::vector<float> tiled(2 * 64 * 64, -1.0f);
  tilize(logical, padded, rows, tiled);
  EXPECT_EQ(tiled[0], 1.0f);
  EXPECT_EQ(tiled[256], 17.0f);                           // row 0, column 16
  EXPECT_EQ(tiled[1024 + 7], 40.0f);                      // row 0, column 39
  EXPECT_EQ(tiled[4096 + 3 * 1024 + 7], 2.0f * 33 * 40);  // the last element
  EXPECT_EQ(tiled[1024 + 8], 0.0f);                       // column 40: padding
  EXPECT_EQ(std::count(tiled.begin(), tiled.end(), 0.0f), 2 * (64 * 64 - 33 * 40));
  std::vector<float> back(rows.size());
  untilize(logical, padded, tiled, back);
  EXPECT_EQ(back, rows);
}

TEST(Tile, VectorsAndScalarsAreRowZero) {
  std::vector<float> tiled(2048);
  tilize({40}, {32, 64}, std::vector<float>(40, 3.0f), tiled);
  EXPECT_EQ(std::count(tiled.begin(), tiled.end(), 3.0f), 40);
  EXPECT_EQ(tiled[15], 3.0f);
  EXPECT_EQ(tiled[16], 0.0f);
  EXPECT_EQ(tiled[256], 3.0f);
  std::vector<float> one(1024);
  tilize(Shape{}, {32, 32}, std::vector<float>{5.0f}, one);
  EXPECT_EQ(one[0], 5.0f);
  EXPECT_EQ(std::accumulate(one.begin(), one.end(), 0.0f), 5.0f);
}

// 64 exponents first, then the codes in the order of the elements; bfloat4_b has the even one in the low
// half.
TEST(Tile, BlockFloatBytes) {
  std::vector<float> values(1024);
  values[0] = 1.0f;
  values[1] = -1.5f;
  values[17] = 4.0f;      // the second group
  values[1023] = -0.25f;  // the last
  std::vector<std::byte> eight(1088, std::byte{0xEE});
  pack_tile(DataType::BFLOAT8_B, values, eight);
  const auto at = [](const std::vector<std::byte>& bytes, std::size_t i) {
    return std::to_integer<int>(bytes[i]);
  };
  EXPECT_EQ(at(eight, 0), 127);
  EXPECT_EQ(at(eight, 1), 129);
  EXPECT_EQ(at(eight, 2), 0);
  EXPECT_EQ(at(eight, 63), 125);
  EXPECT_EQ(at(eight, 64), 64);
  EXPECT_EQ(at(eight, 65), 0x80 | 96);
  EXPECT_EQ(at(eight, 64 + 17), 64);
  EXPECT_EQ(at(eight, 1087), 0x80 | 64);
  EXPECT_EQ(at(eight, 66), 0);

  std::vector<std::byte> four(576, std::byte{0xEE});
  pack_tile(DataType::BFLOAT4_B, values, four);
  EXPECT_EQ(at(four, 0), 127);
  EXPECT_EQ(at(four, 64), 0xE4);      // -1.5 high: sign and 6; 1.0 low: 4
  EXPECT_EQ(at(four, 64 + 8), 0x40);  // element 17 is odd
  EXPECT_EQ(at(four, 575), 0xC0);

  for (const auto& [dtype, bytes] : {std::pair{DataType::BFLOAT8_B, eight}, {DataType::BFLOAT4_B, four}}) {
    std::vector<float> back(1024, 9.0f);
    unpack_tile(dtype, bytes, back);
    EXPECT_EQ(back, values) << to_string(dtype);
  }
}

TEST(Tile, Bfloat16AndFloat32AreLittleEndianValues) {
  std::vector<float> values(1024);
  values[1] = 1.0f;
  std::vector<std::byte> bytes(2048);
  pack_tile(DataType::BFLOAT16, values, bytes);
  EXPECT_EQ(bytes[2], std::byte{0x80});
  EXPECT_EQ(bytes[3], std::byte{0x3F});
  bytes.resize(4096);
  pack_tile(DataType::FLOAT32, values, bytes);
  EXPECT_EQ(bytes[6], std::byte{0x80});
  EXPECT_EQ(bytes[7], std::byte{0x3F});
}

}  // namespace
}  // namespace tessera::test
