#pragma once
// One address space that every bank of a memory shares: a tensor's pages go round the banks, and all banks
// give up the same range for it (TT-Metal's lock-step allocation). So a tensor of one page takes a page's
// room in every bank.
#include <cstdint>
#include <map>
#include <optional>

#include "device/memory_config.hpp"
#include "tensor/spec.hpp"

namespace tessera {

/// Room in every bank.
struct BankBlock {
  std::int64_t offset = 0, size = 0;
  bool operator==(const BankBlock&) const = default;
};

/// First fit by address, with free neighbours joined. Not thread-safe.
class BankAllocator {
 public:
  /// Throws UserError unless there is a bank and `alignment` is positive.
  BankAllocator(int banks, std::int64_t bank_bytes, std::int64_t alignment);

  /// Bytes of each bank that so many pages take: a page begins at a multiple of the alignment.
  std::int64_t size_in_bank(std::int64_t pages, std::int64_t page_bytes) const;

  /// nullopt when no free range is long enough; an empty block for size 0. `size`: of each bank, any number.
  std::optional<BankBlock> allocate(std::int64_t size);
  /// Takes back what allocate() gave, once.
  void free(const BankBlock& block);

  int banks() const { return banks_; }
  std::int64_t bank_bytes() const { return bank_bytes_; }
  // Of each bank.
  std::int64_t used() const { return used_; }
  std::int64_t unused() const { return bank_bytes_ - used_; }
  std::int64_t largest_free() const;
  /// The end of the highest block that was ever given: a smaller bank than this would have been full.
  std::int64_t high_water() const { return high_water_; }
  void reset_high_water();

 private:
  int banks_;
  std::int64_t bank_bytes_, alignment_;
  std::int64_t used_ = 0, high_water_ = 0;
  std::map<std::int64_t, std::int64_t> free_;  // offset -> size
};

/// How a tensor lies in `allocator`'s banks: INTERLEAVED pages are tiles, or rows when ROW_MAJOR;
/// WIDTH_SHARDED has columns of tiles in each bank, their number rounded up (the vendor's DRAM-sharded matmul
/// pads N to 32 * banks). Bytes of each bank.
std::int64_t size_in_bank(const BankAllocator& allocator, const TensorSpec& spec, const MemoryConfig& config);

}  // namespace tessera
