#pragma once
// What the banks of a device hold, by kind, and the error when they are full.
#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "device/bank_allocator.hpp"
#include "device/spec_sheet.hpp"

namespace tessera {

/// What a tensor is for, as out-of-memory errors and plans tell it. Tables: rotary tables.
enum class MemoryKind : std::uint8_t { Weights, Tables, KvCache, Activations, Trace };
constexpr std::size_t kMemoryKinds = 5;
/// "weights", "rotary tables", "KV cache", "activations", "traces".
std::string_view to_string(MemoryKind kind);

/// Tensors that this thread allocates during its lifetime are of this kind; activations outside any.
class MemoryScope {
 public:
  explicit MemoryScope(MemoryKind kind);
  ~MemoryScope();
  MemoryScope(const MemoryScope&) = delete;
  MemoryScope& operator=(const MemoryScope&) = delete;

 private:
  MemoryKind previous_;
};

/// Room that a buffer holds in the banks.
struct BankRoom {
  BankBlock block;
  MemoryKind kind = MemoryKind::Activations;
  BufferType type = BufferType::DRAM;
};

/// Thread-safe. A decode step of a large model makes hundreds of calls: each is a lock and a walk over the
/// few free ranges.
class MemoryAccount {
 public:
  /// Banks of one chip of the sheet (several chips are a comm::MeshDevice); without an end when `unlimited`
  /// (a plan counts on).
  MemoryAccount(const SpecSheet& sheet, bool unlimited);

  /// Bytes over all banks that such a tensor takes.
  std::int64_t bytes_of(const TensorSpec& spec, const MemoryConfig& config) const;

  /// Throws UserError when no free range is long enough.
  BankRoom take(const TensorSpec& spec, const MemoryConfig& config);
  /// The same for `bytes` of DRAM without a shape (a trace).
  BankRoom take(std::int64_t bytes, MemoryKind kind);
  void give_back(const BankRoom& room);
  std::int64_t bytes_of(const BankRoom& room) const;

  // DRAM, over all banks.
  std::int64_t capacity() const { return dram_.bank_bytes() * dram_.banks(); }
  std::int64_t allocated() const;
  std::int64_t allocated(MemoryKind kind) const;
  std::int64_t largest_free() const;
  std::int64_t peak() const;
  /// Bytes that the banks must have for what was ever allocated, gaps included.
  std::int64_t high_water() const;
  void reset_peak();

 private:
  BankAllocator& banks(BufferType type) {
    return type == BufferType::L1 && l1_.bank_bytes() > 0 ? l1_ : dram_;
  }
  const BankAllocator& banks(BufferType type) const { return const_cast<MemoryAccount*>(this)->banks(type); }
  BankRoom enter(const BankBlock& block, MemoryKind kind, BufferType type);
  [[noreturn]] void fail_full(std::int64_t asked, BufferType type, const std::string& what) const;

  const SpecSheet& sheet_;
  mutable std::mutex mutex_;
  BankAllocator dram_, l1_;
  std::array<std::int64_t, kMemoryKinds> held_{};  // DRAM, by kind
  std::int64_t peak_ = 0;
};

}  // namespace tessera
