// Tensors on devices: forms by engine and placement, rounding on the way in, views, mapped memory.
#include "device/tensor.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <memory>

#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::test {
namespace {

using Floats = std::vector<float>;

std::shared_ptr<Device> open(Engine engine) {
  return Device::open("cpu", engine);
}

TensorSpec tile(const Shape& shape, DataType dtype) {
  return {shape, dtype, Layout::TILE};
}

TEST(Tensor, FormsByEngineAndPlacement) {
  const auto form = [](Engine engine, DataType dtype, const MemoryConfig& config) {
    return choose_form(engine, tile({4, 4}, dtype), config);
  };
  for (const DataType dtype :
       {DataType::FLOAT32, DataType::BFLOAT16, DataType::BFLOAT8_B, DataType::BFLOAT4_B}) {
    EXPECT_EQ(form(Engine::Ref, dtype, DRAM_WIDTH_SHARDED), Form::RowsF32);
    EXPECT_EQ(form(Engine::Meta, dtype, DRAM_MEMORY_CONFIG), Form::None);
  }
  EXPECT_EQ(form(Engine::Fast, DataType::FLOAT32, {}), Form::RowsF32);
  EXPECT_EQ(form(Engine::Fast, DataType::FLOAT32, DRAM_WIDTH_SHARDED), Form::StripsF32);
  EXPECT_EQ(form(Engine::Fast, DataType::BFLOAT16, L1_MEMORY_CONFIG), Form::RowsBf16);
  EXPECT_EQ(form(Engine::Fast, DataType::BFLOAT16, DRAM_WIDTH_SHARDED), Form::StripsBf16);
  EXPECT_EQ(form(Engine::Fast, DataType::BFLOAT8_B, {}), Form::RowsBfp8);
  EXPECT_EQ(form(Engine::Fast, DataType::BFLOAT8_B, DRAM_WIDTH_SHARDED), Form::StripsBfp8);
  EXPECT_EQ(form(Engine::Fast, DataType::BFLOAT4_B, DRAM_WIDTH_SHARDED), Form::StripsBfp4);
  EXPECT_EQ(form(Engine::Fast, DataType::INT32, DRAM_WIDTH_SHARDED), Form::RowsInt32);
  EXPECT_THROW(form(Engine::Fast, DataType::BFLOAT4_B, {}), UserError);
}

// 64.5 and 65.5 tell the rules apart: to even on the host, up in the packer.
TEST(Tensor, WeightsRoundAsTheHostAndCachesAsThePacker) {
  const Floats values{64, 64.5f, 65.5f, -64.5f};
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    const auto device = open(engine);
    const TensorSpec spec = tile({1, 4}, DataType::BFLOAT8_B);
    EXPECT_EQ(to_device(*device, values, spec, DRAM_WIDTH_SHARDED).to_vector(), (Floats{64, 64, 66, -64}));
    EXPECT_EQ(to_device(*device, values, spec).to_vector(), (Floats{64, 65, 66, -65})) << to_string(engine);
    EXPECT_EQ(
        to_device(*device, Floats{64, 72, 88, -8}, tile({1, 4}, DataType::BFLOAT4_B), DRAM_WIDTH_SHARDED)
            .to_vector(),
        (Floats{64, 64, 96, 0}));
    EXPECT_EQ(to_device(*device, Floats{257, 259, 1, -259}, tile({1, 4}, DataType::BFLOAT16)).to_vector(),
              (Floats{256, 260, 1, -260}));
    EXPECT_EQ(to_device(*device, Floats{0.1f}, tile({1}, DataType::FLOAT32)).to_vector(), Floats{0.1f});
  }
}

TEST(Tensor, CpuIsThePackedTensor) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    const auto device = open(engine);
    const Tensor weight =
        to_device(*device, Floats(40 * 33, 1.5f), tile({40, 33}, DataType::BFLOAT8_B), DRAM_WIDTH_SHARDED);
    const HostTensor host = weight.cpu();
    EXPECT_EQ(host.spec(), weight.spec());
    EXPECT_EQ(host.bytes().size(), 4 * 1088u);
    EXPECT_EQ(host.to_vector(), Floats(40 * 33, 1.5f));
    const std::vector<std::int32_t> ints{1, -2};
    EXPECT_EQ(to_device(*device, ints, {{2}, DataType::INT32, Layout::ROW_MAJOR}).cpu().to_int_vector(),
              ints);
  }
}

TEST(Tensor, ZerosAreZero) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    const auto device = open(engine);
    // A block that held something else goes back to the pool first.
    to_device(*device, Floats(70, 9.0f), tile({2, 35}, DataType::BFLOAT16));
    for (const DataType dtype :
         {DataType::FLOAT32, DataType::BFLOAT16, DataType::BFLOAT8_B, DataType::INT32}) {
      EXPECT_EQ(zeros(*device, tile({2, 35}, dtype)).to_vector(), Floats(70, 0.0f)) << to_string(dtype);
    }
    for (const DataType dtype : {DataType::BFLOAT8_B, DataType::BFLOAT4_B}) {
      EXPECT_EQ(zeros(*device, tile({2, 35}, dtype), DRAM_WIDTH_SHARDED).to_vector(), Floats(70, 0.0f))
          << to_string(engine) << to_string(dtype);
    }
  }
}

TEST(Tensor, CopiesOverwriteInPlace) {
  const auto device = open(Engine::Fast);
  Tensor tensor = to_device(*device, Floats{1, 2}, tile({1, 2}, DataType::BFLOAT16));
  const Tensor handle = tensor;
  copy_to_device(std::span<const float>(Floats{3, 4}), tensor);
  EXPECT_EQ(handle.to_vector(), (Floats{3, 4}));
  EXPECT_THROW(copy_to_device(std::span<const float>(Floats{3}), tensor), UserError);
}

TEST(Tensor, IntegersComeFromFloatsAndIntegers) {
  constexpr float kMost = std::numeric_limits<float>::max(), kNan = std::numeric_limits<float>::quiet_NaN();
  const Floats values{4294967040.0f, 2147483648.0f, 1.9f, kNan, kMost, -1.5f};
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    const auto device = open(engine);
    const auto trip = [&](DataType dtype) {
      return to_device(*device, values, {{6}, dtype, Layout::ROW_MAJOR}).to_vector();
    };
    EXPECT_EQ(trip(DataType::UINT32),
              (Floats{4294967040.0f, 2147483648.0f, 1, 0, 4294967295.0f, 4294967295.0f}));
    EXPECT_EQ(trip(DataType::INT32), (Floats{2147483647.0f, 2147483647.0f, 1, 0, 2147483647.0f, -1}));
    const TensorSpec spec{{1}, DataType::UINT32, Layout::ROW_MAJOR};
    EXPECT_EQ(to_device(*device, std::vector<std::int32_t>{-1}, spec).to_vector(), Floats{4294967295.0f});
    Tensor floats = to_device(*device, Floats{1, 2}, tile({1, 2}, DataType::FLOAT32));
    EXPECT_THROW(copy_to_device(std::span<const std::int32_t>(std::vector<std::int32_t>{3, 4}), floats),
                 UserError);
  }
}

TEST(Tensor, Views) {
  const auto device = open(Engine::Fast);
  const Tensor a = to_device(*device, Floats{1, 2, 3, 4, 5, 6}, tile({2, 3}, DataType::BFLOAT16));
  const Tensor b = a.view({1, 3, 2});
  EXPECT_TRUE(a.shares_memory_with(b));
  EXPECT_EQ(b.to_vector(), a.to_vector());
  EXPECT_EQ(b.logical_shape(), (Shape{1, 3, 2}));
  EXPECT_THROW(a.view({7}), UserError);
  const Tensor cache = to_device(*device, Floats(64, 1.0f), tile({2, 32}, DataType::BFLOAT8_B));
  EXPECT_EQ(cache.view({1, 2, 1, 32}).to_vector(), Floats(64, 1.0f));
  EXPECT_THROW(cache.view({4, 16}), UserError);  // a row's exponents stand before it
  const Tensor strips =
      to_device(*device, Floats(64, 1.0f), tile({2, 32}, DataType::BFLOAT16), DRAM_WIDTH_SHARDED);
  EXPECT_THROW(strips.view({1, 2, 32}), UserError);
}

TEST(Tensor, MapsAFileAndKeepsIt) {
  const auto device = open(Engine::Fast);
  const TensorSpec spec = tile({3, 33}, DataType::BFLOAT8_B);
  const Tensor packed = to_device(*device, Floats(99, -2.0f), spec, DRAM_WIDTH_SHARDED);
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "tessera_tensor_map";
  AtomicFile packed_file(path);
  packed_file.write(packed.bytes());
  packed_file.commit();
  std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  std::filesystem::remove(path);
  const std::weak_ptr<const MappedFile> watch = file;
  const std::int64_t before = device->allocated_bytes();
  {
    const std::span<const std::byte> bytes = file->bytes();
    const Tensor mapped = map_on_device(*device, spec, DRAM_WIDTH_SHARDED, std::move(file), bytes);
    EXPECT_EQ(mapped.file(), watch.lock().get());
    EXPECT_EQ(packed.file(), nullptr);
    EXPECT_EQ(mapped.bytes().data(), bytes.data());
    EXPECT_TRUE(mapped.is_constant());
    EXPECT_FALSE(packed.is_constant());
    EXPECT_EQ(device->allocated_bytes(), before + device->memory().bytes_of(spec, {}));
    EXPECT_EQ(mapped.to_vector(), Floats(99, -2.0f));
    EXPECT_FALSE(watch.expired());
    EXPECT_THROW(map_on_device(*device, spec, DRAM_WIDTH_SHARDED, nullptr, bytes.first(10)), UserError);
  }
  EXPECT_TRUE(watch.expired());
  EXPECT_EQ(device->allocated_bytes(), before);
}

TEST(Tensor, MetaHasShapesButNoBytes) {
  const auto device = open(Engine::Meta);
  const Tensor tensor = to_device(*device, Floats(6), tile({2, 3}, DataType::BFLOAT16));
  EXPECT_TRUE(tensor.bytes().empty());
  EXPECT_EQ(tensor.padded_shape(), (Shape{32, 32}));
  EXPECT_THROW(tensor.to_vector(), UserError);
  EXPECT_THROW(tensor.to_int_vector(), UserError);
  EXPECT_THROW(tensor.cpu(), UserError);
  EXPECT_EQ(tensor.view({3, 2}).logical_shape(), (Shape{3, 2}));
}

TEST(Tensor, Refusals) {
  for (const Engine engine : {Engine::Ref, Engine::Fast, Engine::Meta}) {
    const auto device = open(engine);
    EXPECT_THROW(to_device(*device, Floats(5), tile({2, 3}, DataType::BFLOAT16)), UserError);
    EXPECT_THROW(to_device(*device, std::vector<std::int32_t>(6), tile({2, 3}, DataType::BFLOAT16)),
                 UserError);
    EXPECT_THROW(to_device(*device, Floats(1), tile({}, DataType::BFLOAT8_B)), UserError);
  }
  EXPECT_FALSE(Tensor().is_allocated());
}

}  // namespace
}  // namespace tessera::test
