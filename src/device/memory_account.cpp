#include "device/memory_account.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "util/error.hpp"

namespace tessera {
namespace {

thread_local MemoryKind t_kind = MemoryKind::Activations;

// Wormhole's DRAM reads begin at multiples of 32 bytes, L1's at 16.
constexpr std::int64_t kDramAlignment = 32, kL1Alignment = 16;
constexpr std::int64_t kNoEnd = std::int64_t{1} << 46;

}  // namespace

std::string_view to_string(MemoryKind kind) {
  static constexpr std::array<std::string_view, kMemoryKinds> kNames{"weights", "rotary tables", "KV cache",
                                                                     "activations", "traces"};
  return kNames[static_cast<std::size_t>(kind)];
}

MemoryScope::MemoryScope(MemoryKind kind) : previous_(std::exchange(t_kind, kind)) {}
MemoryScope::~MemoryScope() {
  t_kind = previous_;
}

MemoryAccount::MemoryAccount(const SpecSheet& sheet, bool unlimited)
    : sheet_(sheet),
      dram_(sheet.dram_banks, unlimited ? kNoEnd : sheet.dram_bytes / sheet.dram_banks, kDramAlignment),
      l1_(sheet.worker_cores, unlimited && sheet.l1_bytes > 0 ? kNoEnd : sheet.l1_bytes, kL1Alignment) {}

std::int64_t MemoryAccount::bytes_of(const TensorSpec& spec, const MemoryConfig& config) const {
  const BankAllocator& in = banks(config.buffer_type);
  return size_in_bank(in, spec, config) * in.banks();
}

std::int64_t MemoryAccount::bytes_of(const BankRoom& room) const {
  return room.block.size * banks(room.type).banks();
}

BankRoom MemoryAccount::take(const TensorSpec& spec, const MemoryConfig& config) {
  const std::int64_t size = size_in_bank(banks(config.buffer_type), spec, config);
  const std::lock_guard lock(mutex_);
  const auto block = banks(config.buffer_type).allocate(size);
  if (!block) fail_full(size, config.buffer_type, fmt::format(" for {}", to_string(spec)));
  return enter(*block, t_kind, config.buffer_type);
}

BankRoom MemoryAccount::take(std::int64_t bytes, MemoryKind kind) {
  const std::int64_t size = (bytes + dram_.banks() - 1) / dram_.banks();
  const std::lock_guard lock(mutex_);
  const auto block = dram_.allocate(size);
  if (!block) fail_full(size, BufferType::DRAM, fmt::format(" for {}", to_string(kind)));
  return enter(*block, kind, BufferType::DRAM);
}

BankRoom MemoryAccount::enter(const BankBlock& block, MemoryKind kind, BufferType type) {
  if (&banks(type) == &dram_) {
    held_[static_cast<std::size_t>(kind)] += block.size * dram_.banks();
    peak_ = std::max(peak_, dram_.used() * dram_.banks());
  }
  return {block, kind, type};
}

void MemoryAccount::give_back(const BankRoom& room) {
  const std::lock_guard lock(mutex_);
  BankAllocator& in = banks(room.type);
  in.free(room.block);
  if (&in == &dram_) held_[static_cast<std::size_t>(room.kind)] -= room.block.size * in.banks();
}

std::int64_t MemoryAccount::allocated() const {
  const std::lock_guard lock(mutex_);
  return dram_.used() * dram_.banks();
}
std::int64_t MemoryAccount::allocated(MemoryKind kind) const {
  const std::lock_guard lock(mutex_);
  return held_[static_cast<std::size_t>(kind)];
}
std::int64_t MemoryAccount::largest_free() const {
  const std::lock_guard lock(mutex_);
  return dram_.largest_free() * dram_.banks();
}
std::int64_t MemoryAccount::peak() const {
  const std::lock_guard lock(mutex_);
  return peak_;
}
std::int64_t MemoryAccount::high_water() const {
  const std::lock_guard lock(mutex_);
  return dram_.high_water() * dram_.banks();
}
void MemoryAccount::reset_peak() {
  const std::lock_guard lock(mutex_);
  dram_.reset_high_water();
  peak_ = dram_.used() * dram_.banks();
}

void MemoryAccount::fail_full(std::int64_t asked, BufferType type, const std::string& what) const {
  const BankAllocator& in = banks(type);
  const std::int64_t bytes = asked * in.banks();
  if (&in == &l1_) {
    fail_user(
        "{}: out of memory in L1: {} bytes{}: {} of {} free, {} in one piece: use a smaller batch or chunk, "
        "or DRAM",
        sheet_.name, bytes, what, in.unused() * in.banks(), in.bank_bytes() * in.banks(),
        in.largest_free() * in.banks());
  }
  std::vector<std::pair<std::int64_t, MemoryKind>> held;
  for (std::size_t i = 0; i < kMemoryKinds; ++i) {
    if (held_[i] > 0) held.emplace_back(held_[i], static_cast<MemoryKind>(i));
  }
  std::ranges::sort(held, std::greater{});
  std::string groups;
  for (const auto& [size, kind] : held)
    groups += fmt::format("{}{} {}", groups.empty() ? "" : ", ", to_string(kind), size);
  // The smallest sheet that has the room.
  const std::int64_t wanted = in.used() * in.banks() + bytes;
  const SpecSheet* larger = nullptr;
  for (const SpecSheet& sheet : spec_sheets()) {
    const std::int64_t room = sheet.dram_bytes * sheet.chips;
    if (sheet.name != "cpu" && room >= wanted && room > sheet_.dram_bytes * sheet_.chips &&
        (larger == nullptr || room < larger->dram_bytes * larger->chips)) {
      larger = &sheet;
    }
  }
  fail_user(
      "{}: out of memory: {} bytes{}: {} of {} free, {} in one piece; held by {}: use a smaller batch or "
      "context, a "
      "block-float precision, or a larger device{}",
      sheet_.name, bytes, what, in.unused() * in.banks(), capacity(), in.largest_free() * in.banks(),
      groups.empty() ? "nothing" : groups, larger == nullptr ? "" : fmt::format(" ({})", larger->name));
}

}  // namespace tessera
