// The account: what a tensor is charged, at most and after it is gone, and what happens when nothing is left.
#include <gtest/gtest.h>

#include "device/tensor.hpp"
#include "util/error.hpp"

namespace tessera::test {
namespace {

TEST(Account, HoldsPagesInEveryBankUntilTheLastHandleIsGone) {
  for (const Engine engine : {Engine::Ref, Engine::Fast, Engine::Meta}) {
    const auto device = Device::open("n150", engine);
    {
      // Two tiles, but a page in each of 12 banks.
      const Tensor a = allocate_tensor_on_device(*device, {{1, 1, 1, 33}, DataType::BFLOAT16, Layout::TILE});
      EXPECT_EQ(device->allocated_bytes(), 12 * 2048);
      const Tensor b = allocate_tensor_on_device(*device, {{64, 64}, DataType::BFLOAT8_B, Layout::TILE},
                                                 DRAM_WIDTH_SHARDED);
      EXPECT_EQ(device->allocated_bytes(), 12 * 2048 + 24 * 1088);
      const Tensor copy = a, view = a.view({33, 1});
      EXPECT_EQ(device->allocated_bytes(), 12 * 2048 + 24 * 1088);
      EXPECT_TRUE(view.shares_memory_with(a));
    }
    EXPECT_EQ(device->allocated_bytes(), 0) << to_string(engine);
    EXPECT_EQ(device->peak_bytes(), 12 * 2048 + 24 * 1088);
    EXPECT_EQ(device->memory().high_water(), device->peak_bytes());
    device->reset_peak();
    EXPECT_EQ(device->peak_bytes(), 0);
  }
}

TEST(Account, OutOfMemorySaysWhatFillsTheBanks) {
  const auto device = Device::open("n150", Engine::Fast);
  const TensorSpec tile{{32, 32}, DataType::FLOAT32, Layout::TILE};
  const Tensor small = allocate_tensor_on_device(*device, tile);
  const MemoryScope scope(MemoryKind::Weights);
  const Tensor two = allocate_tensor_on_device(*device, {{32, 416}, DataType::FLOAT32, Layout::TILE});
  // 12 GiB: refused before any memory is touched.
  const TensorSpec whole{{98304, 32768}, DataType::FLOAT32, Layout::TILE};
  try {
    allocate_tensor_on_device(*device, whole);
    ADD_FAILURE();
  } catch (const UserError& error) {
    EXPECT_STREQ(
        error.what(),
        "n150: out of memory: 12884901888 bytes for float32 tile [98304, 32768]: 12884754432 of 12884901888 "
        "free, 12884754432 in one piece; held by weights 98304, activations 49152: use a smaller batch or "
        "context, a block-float precision, or a larger device (n300)");
  }
  EXPECT_EQ(device->allocated_bytes(), 3 * 49152);
  EXPECT_EQ(device->memory().allocated(MemoryKind::Weights), 2 * 49152);
  EXPECT_EQ(device->memory().allocated(MemoryKind::Activations), 49152);
  EXPECT_EQ(device->peak_bytes(), 3 * 49152);
  allocate_tensor_on_device(*device, tile);  // still usable
}

TEST(Account, L1HasItsOwnBanks) {
  const auto fast = Device::open("n150", Engine::Fast);
  const TensorSpec tile{{32, 32}, DataType::BFLOAT16, Layout::TILE};
  const Tensor small = allocate_tensor_on_device(*fast, tile, L1_MEMORY_CONFIG);
  EXPECT_EQ(fast->allocated_bytes(), 0);
  EXPECT_EQ(fast->memory().bytes_of(tile, L1_MEMORY_CONFIG), 64 * 2048);
  try {
    allocate_tensor_on_device(*fast, {{1 << 13, 1 << 13}, DataType::BFLOAT16, Layout::TILE},
                              L1_MEMORY_CONFIG);
    ADD_FAILURE();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("n150: out of memory in L1: 134217728 bytes"), std::string::npos)
        << error.what();
  }
  // A sheet without L1 keeps such tensors in DRAM.
  const auto cpu = Device::open("cpu", Engine::Fast);
  const Tensor on_cpu = allocate_tensor_on_device(*cpu, tile, L1_MEMORY_CONFIG);
  EXPECT_EQ(cpu->allocated_bytes(), 2048);
}

// Planning asks how much a model would take, also where it does not fit.
TEST(Account, MetaCountsBeyondTheDevice) {
  const auto device = Device::open("n150", Engine::Meta);
  // 2^19 x 2^9 tiles: the last page of some banks is empty.
  const Tensor large =
      allocate_tensor_on_device(*device, {{1 << 20, 1 << 14}, DataType::BFLOAT16, Layout::TILE});
  EXPECT_EQ(device->allocated_bytes(), ((1ll << 24) + 11) / 12 * 12 * 2048);
  EXPECT_EQ(large.form(), Form::None);
}

// Several chips are a mesh of devices.
TEST(Account, ADeviceIsOneChipOfItsSheet) {
  const auto device = Device::open("n300", Engine::Fast);
  const BankRoom room = device->take_trace_room(10ll << 30);
  EXPECT_EQ(device->memory().allocated(MemoryKind::Trace), device->allocated_bytes());
  EXPECT_THROW(device->take_trace_room(5ll << 30), UserError);
  device->give_back_room(room);
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
