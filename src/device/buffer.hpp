#pragma once
// Host memory behind a device tensor, and the pool it comes from.
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "device/memory_account.hpp"
#include "util/file.hpp"

namespace tessera {

/// Blocks of memory, 64-byte aligned (huge pages from 2 MiB on); freed blocks are kept for the next request
/// of the same size class, so that a decode step makes no system call. Thread-safe.
class BlockPool {
 public:
  BlockPool() = default;
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  struct Block {
    std::byte* data = nullptr;
    std::size_t size = 0;
  };
  Block take(std::size_t bytes);
  void give_back(Block block);

 private:
  std::mutex mutex_;
  std::map<std::size_t, std::vector<std::byte*>> free_;  // by size class
};

class Device;

/// Owns its memory: a pool block, or a part of a mapped file that is kept open (a weight cache); and its room
/// in the device's banks, unless it is given none.
class Buffer {
 public:
  Buffer(std::shared_ptr<Device> device, std::size_t bytes, const TensorSpec& spec,
         const MemoryConfig& config);
  Buffer(std::shared_ptr<Device> device, std::shared_ptr<const MappedFile> file, const std::byte* data,
         const TensorSpec& spec, const MemoryConfig& config);
  /// Memory that another buffer holds room for.
  Buffer(std::shared_ptr<Device> device, const std::byte* data);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  std::byte* data() const { return data_; }
  /// Where its memory came from; nullptr for a view.
  const BlockPool* pool() const { return pool_.get(); }
  /// The file that it is a part of, or nullptr.
  const MappedFile* file() const { return file_.get(); }
  Device& device() const { return *device_; }
  const std::shared_ptr<Device>& shared_device() const { return device_; }

 private:
  std::shared_ptr<Device> device_;
  std::shared_ptr<const MappedFile> file_;
  std::shared_ptr<BlockPool> pool_;
  BlockPool::Block block_;
  std::byte* data_ = nullptr;
  BankRoom room_;
};

}  // namespace tessera
