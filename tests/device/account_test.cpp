// The account: what a tensor is charged, at most and after it is gone, and what happens when nothing is left.
#include <gtest/gtest.h>

#include "device/tensor.hpp"
#include "util/error.hpp"

namespace tessera::test {
namespace {

TEST(Account, ChargesPackedTilesUntilTheLastHandleIsGone) {
  for (const Engine engine : {Engine::Ref, Engine::Fast, Engine::Meta}) {
    const auto device = Device::open("n150", engine);
    {
      const Tensor a = allocate_tensor_on_device(*device, {{1, 1, 1, 33}, DataType::BFLOAT16, Layout::TILE});
      EXPECT_EQ(device->allocated_bytes(), 2 * 2048);
      const Tensor b = allocate_tensor_on_device(*device, {{64, 64}, DataType::BFLOAT8_B, Layout::TILE},
                                                 DRAM_WIDTH_SHARDED);
      EXPECT_EQ(device->allocated_bytes(), 2 * 2048 + 4 * 1088);
      const Tensor copy = a, view = a.view({33, 1});
      EXPECT_EQ(device->allocated_bytes(), 2 * 2048 + 4 * 1088);
      EXPECT_TRUE(view.shares_memory_with(a));
    }
    EXPECT_EQ(device->allocated_bytes(), 0) << to_string(engine);
    EXPECT_EQ(device->peak_bytes(), 2 * 2048 + 4 * 1088);
    device->reset_peak();
    EXPECT_EQ(device->peak_bytes(), 0);
  }
}

TEST(Account, OutOfMemorySaysTheFigures) {
  const auto device = Device::open("n150", Engine::Fast);
  const Tensor small = allocate_tensor_on_device(*device, {{32, 32}, DataType::FLOAT32, Layout::TILE});
  // 12 GiB and one tile: refused before any memory is touched.
  const TensorSpec whole{{98304, 32768}, DataType::FLOAT32, Layout::TILE};
  EXPECT_EQ(whole.packed_bytes(), 12ll << 30);
  try {
    allocate_tensor_on_device(*device, whole);
    ADD_FAILURE();
  } catch (const UserError& error) {
    EXPECT_STREQ(
        error.what(),
        "n150: out of memory: 12884901888 bytes more on top of 4096 of 12884901888: use a smaller batch "
        "or context, a block-float precision, or a larger device");
  }
  EXPECT_EQ(device->allocated_bytes(), 4096);
  EXPECT_EQ(device->peak_bytes(), 4096);
  allocate_tensor_on_device(*device, {{32, 32}, DataType::FLOAT32, Layout::TILE});  // still usable
}

// Planning asks how much a model would take, also where it does not fit.
TEST(Account, MetaCountsBeyondTheDevice) {
  const auto device = Device::open("n150", Engine::Meta);
  const Tensor large =
      allocate_tensor_on_device(*device, {{1 << 20, 1 << 14}, DataType::BFLOAT16, Layout::TILE});
  EXPECT_EQ(device->allocated_bytes(), 32ll << 30);
  EXPECT_EQ(large.form(), Form::None);
}

TEST(Account, AMeshHasAllItsChips) {
  const auto device = Device::open("n300", Engine::Fast);
  device->charge(20ll << 30);
  EXPECT_THROW(device->charge(5ll << 30), UserError);
  device->charge(-(20ll << 30));
  EXPECT_EQ(device->allocated_bytes(), 0);
}

TEST(BlockPool, AlignedAndReused) {
  BlockPool pool;
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{65}, std::size_t{5000}, std::size_t{3} << 20}) {
    const BlockPool::Block block = pool.take(bytes);
    EXPECT_GE(block.size, bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block.data) % 64, 0u);
    block.data[bytes - 1] = std::byte{1};
    pool.give_back(block);
    const BlockPool::Block again = pool.take(bytes);
    EXPECT_EQ(again.data, block.data);
    pool.give_back(again);
  }
}

}  // namespace
}  // namespace tessera::test
