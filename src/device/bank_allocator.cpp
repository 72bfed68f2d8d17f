#include "device/bank_allocator.hpp"

#include <algorithm>
#include <iterator>

#include "util/error.hpp"

namespace tessera {
namespace {

std::int64_t ceil_div(std::int64_t n, std::int64_t by) {
  return (n + by - 1) / by;
}

}  // namespace

BankAllocator::BankAllocator(int banks, std::int64_t bank_bytes, std::int64_t alignment)
    : banks_(banks),
      bank_bytes_(bank_bytes / std::max<std::int64_t>(alignment, 1) * alignment),
      alignment_(alignment) {
  check(banks > 0 && bank_bytes >= 0 && alignment > 0,
        "banks: {} of {} bytes aligned to {}: positive figures expected", banks, bank_bytes, alignment);
  if (bank_bytes_ > 0) free_.emplace(0, bank_bytes_);
}

std::int64_t BankAllocator::size_in_bank(std::int64_t pages, std::int64_t page_bytes) const {
  return ceil_div(pages, banks_) * ceil_div(page_bytes, alignment_) * alignment_;
}

std::optional<BankBlock> BankAllocator::allocate(std::int64_t size) {
  const std::int64_t wanted = ceil_div(size, alignment_) * alignment_;
  if (wanted == 0) return BankBlock{};
  for (auto it = free_.begin(); it != free_.end(); ++it) {
    const auto [offset, length] = *it;
    if (length < wanted) continue;
    free_.erase(it);
    if (length > wanted) free_.emplace(offset + wanted, length - wanted);
    used_ += wanted;
    high_water_ = std::max(high_water_, offset + wanted);
    return BankBlock{offset, wanted};
  }
  return std::nullopt;
}

void BankAllocator::free(const BankBlock& block) {
  if (block.size == 0) return;
  used_ -= block.size;
  auto it = free_.emplace(block.offset, block.size).first;
  if (it != free_.begin()) {
    const auto before = std::prev(it);
    if (before->first + before->second == it->first) {
      before->second += it->second;
      free_.erase(it);
      it = before;
    }
  }
  const auto after = std::next(it);
  if (after != free_.end() && it->first + it->second == after->first) {
    it->second += after->second;
    free_.erase(after);
  }
}

std::int64_t BankAllocator::largest_free() const {
  std::int64_t largest = 0;
  for (const auto& [offset, length] : free_) largest = std::max(largest, length);
  return largest;
}

void BankAllocator::reset_high_water() {
  const bool open_end = !free_.empty() && free_.rbegin()->first + free_.rbegin()->second == bank_bytes_;
  high_water_ = open_end ? free_.rbegin()->first : bank_bytes_;
}

std::int64_t size_in_bank(const BankAllocator& allocator, const TensorSpec& spec,
                          const MemoryConfig& config) {
  const Shape padded = spec.padded_shape();
  const std::int64_t volume = padded.volume();
  if (volume == 0) return 0;
  if (spec.layout == Layout::ROW_MAJOR) {
    const std::int64_t row = padded.rank() == 0 ? 1 : padded[-1];
    return allocator.size_in_bank(volume / row, row * (spec.dtype == DataType::BFLOAT16 ? 2 : 4));
  }
  const std::int64_t page = tile_bytes(spec.dtype);
  const std::int64_t tiles = volume / (kTileSize * kTileSize);
  if (config.memory_layout != TensorMemoryLayout::WIDTH_SHARDED) return allocator.size_in_bank(tiles, page);
  const std::int64_t columns = padded[-1] / kTileSize;
  return tiles / columns * allocator.size_in_bank(columns, page);
}

}  // namespace tessera
