// Banks under any order of calls: nothing overlaps, nothing is lost, neighbours join.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "device/bank_allocator.hpp"

namespace tessera::test {
namespace {

void expect_sound(const BankAllocator& banks, std::vector<BankBlock> held) {
  std::ranges::sort(held, {}, &BankBlock::offset);
  std::int64_t used = 0, end = 0;
  for (const BankBlock& block : held) {
    RC_ASSERT(block.offset >= end);
    RC_ASSERT(block.offset % 32 == 0);
    end = block.offset + block.size;
    used += block.size;
  }
  RC_ASSERT(end <= banks.bank_bytes());
  RC_ASSERT(end <= banks.high_water());
  RC_ASSERT(banks.used() == used);
  RC_ASSERT(banks.used() + banks.unused() == banks.bank_bytes());
  // The largest gap between the blocks is what it says: freed neighbours are one range.
  std::int64_t largest = 0;
  end = 0;
  for (const BankBlock& block : held) {
    largest = std::max(largest, block.offset - end);
    end = block.offset + block.size;
  }
  RC_ASSERT(banks.largest_free() == std::max(largest, banks.bank_bytes() - end));
}

RC_GTEST_PROP(BankAllocator, AnyOrderOfCallsKeepsTheBanksWhole, ()) {
  BankAllocator banks(4, 4096, 32);
  std::vector<BankBlock> held;
  const auto steps = *rc::gen::container<std::vector<std::pair<bool, std::uint16_t>>>(
      rc::gen::pair(rc::gen::arbitrary<bool>(), rc::gen::arbitrary<std::uint16_t>()));
  for (const auto& [give_back, n] : steps) {
    if (give_back && !held.empty()) {
      const std::size_t i = n % held.size();
      banks.free(held[i]);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      const std::int64_t size = 1 + n % 1500;
      const std::int64_t room = banks.largest_free();
      const auto block = banks.allocate(size);
      RC_ASSERT(block.has_value() == (room >= (size + 31) / 32 * 32));
      if (block) held.push_back(*block);
    }
    expect_sound(banks, held);
  }
  for (const BankBlock& block : held) banks.free(block);
  RC_ASSERT(banks.used() == 0);
  RC_ASSERT(banks.largest_free() == banks.bank_bytes());
}

}  // namespace
}  // namespace tessera::test
