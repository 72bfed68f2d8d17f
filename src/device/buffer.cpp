#include "device/buffer.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <utility>

#include "device/device.hpp"
#include "util/error.hpp"

namespace tessera {
namespace {

constexpr std::size_t kHuge = std::size_t{2} << 20;

// Small sizes in powers of two, large ones in steps of 2 MiB: little waste, few classes.
std::size_t size_class(std::size_t bytes) {
  if (bytes >= kHuge) return (bytes + kHuge - 1) / kHuge * kHuge;
  return std::bit_ceil(std::max<std::size_t>(bytes, 64));
}

}  // namespace

BlockPool::~BlockPool() {
  for (auto& [size, blocks] : free_) {
    for (std::byte* block : blocks) std::free(block);
  }
}

BlockPool::Block BlockPool::take(std::size_t bytes) {
  const std::size_t size = size_class(bytes);
  {
    std::lock_guard lock(mutex_);
    auto& blocks = free_[size];
    if (!blocks.empty()) {
      std::byte* data = blocks.back();
      blocks.pop_back();
      return {data, size};
    }
  }
  auto* data = static_cast<std::byte*>(std::aligned_alloc(size >= kHuge ? kHuge : 64, size));
  if (data == nullptr) fail_system("out of memory: {} bytes: use a smaller model, batch or context", size);
  if (size >= kHuge) madvise(data, size, MADV_HUGEPAGE);
  return {data, size};
}

void BlockPool::give_back(Block block) {
  // Whole weights are not worth keeping; activations and caches are.
  constexpr std::size_t kKeep = std::size_t{64} << 20;
  if (block.size > kKeep) {
    std::free(block.data);
    return;
  }
  std::lock_guard lock(mutex_);
  free_[block.size].push_back(block.data);
}

Buffer::Buffer(std::shared_ptr<Device> device, std::size_t bytes, const TensorSpec& spec,
               const MemoryConfig& config)
    : device_(std::move(device)),
      pool_(device_->pool()),
      room_(device_->take_room(spec, config, pool_.get())) {
  try {
    if (bytes != 0) block_ = pool_->take(bytes);
  } catch (...) {
    device_->give_back_room(room_, pool_.get());
    throw;
  }
  data_ = block_.data;
}

Buffer::Buffer(std::shared_ptr<Device> device, std::shared_ptr<const MappedFile> file, const std::byte* data,
               const TensorSpec& spec, const MemoryConfig& config)
    : device_(std::move(device)),
      file_(std::move(file)),
      data_(const_cast<std::byte*>(data)),
      room_(device_->take_room(spec, config)) {}

Buffer::Buffer(std::shared_ptr<Device> device, const std::byte* data)
    : device_(std::move(device)), data_(const_cast<std::byte*>(data)) {}

Buffer::~Buffer() {
  if (block_.data != nullptr) pool_->give_back(block_);
  device_->give_back_room(room_, pool_.get());
}

}  // namespace tessera
