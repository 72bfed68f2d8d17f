// Banks: fragments, the top, and how tensors lie over them.
#include "device/bank_allocator.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "util/error.hpp"

namespace tessera::test {
namespace {

TEST(BankAllocator, FragmentsRefuseWhatTheirSumWouldHold) {
  BankAllocator banks(12, 1024, 32);
  std::vector<BankBlock> blocks;
  for (int i = 0; i < 8; ++i) blocks.push_back(*banks.allocate(128));
  EXPECT_FALSE(banks.allocate(1).has_value());
  for (std::size_t i = 0; i < 8; i += 2) banks.free(blocks[i]);
  EXPECT_EQ(banks.unused(), 512);
  EXPECT_EQ(banks.largest_free(), 128);
  EXPECT_FALSE(banks.allocate(129).has_value());
  banks.free(blocks[3]);  // between two gaps
  EXPECT_EQ(banks.largest_free(), 384);
  EXPECT_EQ(banks.allocate(384)->offset, 256);
}

TEST(BankAllocator, FirstFitTakesTheLowestGapAndRemembersTheTop) {
  BankAllocator banks(1, 1024, 32);
  const auto a = *banks.allocate(100), b = *banks.allocate(10);
  EXPECT_EQ(a, (BankBlock{0, 128}));
  EXPECT_EQ(b, (BankBlock{128, 32}));
  banks.free(a);
  EXPECT_EQ(banks.allocate(64)->offset, 0);
  EXPECT_EQ(banks.allocate(96)->offset, 160);
  EXPECT_EQ(banks.high_water(), 256);
  EXPECT_EQ(*banks.allocate(0), BankBlock{});
  banks.free({});
  EXPECT_EQ(banks.used(), 192);
  EXPECT_THROW(BankAllocator(0, 64, 32), UserError);
}

TEST(BankAllocator, PagesGoRoundTheBanksInLockStep) {
  const BankAllocator banks(12, 1 << 20, 32);
  const auto size = [&](const TensorSpec& spec, const MemoryConfig& config = {}) {
    return size_in_bank(banks, spec, config);
  };
  // 1 tile, 12 tiles, 13 tiles.
  EXPECT_EQ(size({{32, 32}, DataType::BFLOAT16, Layout::TILE}), 2048);
  EXPECT_EQ(size({{32, 384}, DataType::BFLOAT8_B, Layout::TILE}), 1088);
  EXPECT_EQ(size({{32, 385}, DataType::BFLOAT8_B, Layout::TILE}), 2 * 1088);
  // Rows: 25 of 3 integers, each from a multiple of 32 bytes on.
  EXPECT_EQ(size({{25, 3}, DataType::INT32, Layout::ROW_MAJOR}), 3 * 32);
  EXPECT_EQ(size({{5, 100}, DataType::BFLOAT16, Layout::ROW_MAJOR}), 224);
  // Columns of tiles in each bank: 13 columns are 2 in every bank, for each of 2 rows of tiles.
  EXPECT_EQ(size({{64, 416}, DataType::BFLOAT8_B, Layout::TILE}, DRAM_WIDTH_SHARDED), 4 * 1088);
  EXPECT_EQ(size({{0, 32}, DataType::BFLOAT16, Layout::TILE}), 0);
}

}  // namespace
}  // namespace tessera::test
