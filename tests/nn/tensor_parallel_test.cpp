#include "nn/tensor_parallel.hpp"

#include <gtest/gtest.h>

#include <set>

#include "util/error.hpp"

namespace tessera::nn {
namespace {

TEST(HeadShares, AnyDegreeWorks) {
  const auto share = [](int heads, int kv_heads, int chips) {
    const HeadShare s = share_heads(heads, kv_heads, chips);
    return std::pair(s.heads, s.kv_heads);
  };
  EXPECT_EQ(share(9, 3, 1), std::pair(9, 3));
  EXPECT_EQ(share(9, 3, 2), std::pair(6, 2));
  EXPECT_EQ(share(9, 3, 4), std::pair(3, 1));
  EXPECT_EQ(share(9, 3, 8), std::pair(2, 1));
  EXPECT_EQ(share(32, 8, 8), std::pair(4, 1));
  EXPECT_EQ(share(32, 8, 32), std::pair(1, 1));
  EXPECT_EQ(share(14, 2, 4), std::pair(4, 1));
  EXPECT_EQ(share(71, 1, 8), std::pair(9, 1));
  EXPECT_THROW(share_heads(9, 2, 2), UserError);
}

// Every query is on exactly one chip, beside its own key-value head; every chip has as much as every other.
TEST(HeadShares, EveryQueryIsOnceWithItsKeys) {
  for (const auto& [heads, kv_heads] : {std::pair(9, 3), {4, 4}, {14, 2}, {32, 8}, {6, 1}, {1, 1}, {71, 1}}) {
    for (const int chips : {1, 2, 3, 4, 8, 32}) {
      const HeadShare share = share_heads(heads, kv_heads, chips);
      std::set<std::int64_t> queries, keys;
      for (int rank = 0; rank < chips; ++rank) {
        const auto q = split_ranges(Split::QHeads, heads, heads, kv_heads, rank, chips);
        const auto kv = split_ranges(Split::KvHeads, kv_heads, heads, kv_heads, rank, chips);
        EXPECT_EQ(taken(q, heads), share.heads);
        EXPECT_EQ(taken(kv, kv_heads), share.kv_heads);
        std::vector<std::int64_t> kv_slots;
        for (const Range& r : kv)
          for (std::int64_t i = 0; i < r.count; ++i) kv_slots.push_back(r.is_zeros() ? -1 : r.first + i);
        std::int64_t slot = 0;
        for (const Range& r : q) {
          for (std::int64_t i = 0; i < r.count; ++i, ++slot) {
            if (r.is_zeros()) continue;
            const std::int64_t head = r.first + i;
            EXPECT_TRUE(queries.insert(head).second) << head;
            const auto its = kv_slots[static_cast<std::size_t>(slot / (share.heads / share.kv_heads))];
            EXPECT_EQ(its, head / (heads / kv_heads)) << heads << "/" << kv_heads << " on " << chips;
          }
        }
        for (const auto k : kv_slots) keys.insert(k);
      }
      EXPECT_EQ(static_cast<int>(queries.size()), heads);
      keys.erase(-1);
      EXPECT_EQ(static_cast<int>(keys.size()), kv_heads);
    }
  }
}

TEST(EvenParts, AreWholeTilesPaddedWithZeros) {
  for (const std::int64_t size : {32, 96, 100, 1536, 49152}) {
    for (const int chips : {1, 2, 4, 8}) {
      std::int64_t next = 0;
      for (int rank = 0; rank < chips; ++rank) {
        const auto ranges = split_ranges(Split::Even, size, 1, 1, rank, chips);
        EXPECT_EQ(taken(ranges, size) % 32, 0);
        EXPECT_EQ(taken(ranges, size), (size + 31) / 32 / chips * 32 + ((size + 31) / 32 % chips ? 32 : 0));
        for (const Range& r : ranges) {
          if (r.is_zeros()) continue;
          EXPECT_EQ(r.first, next);
          next += r.count;
        }
      }
      EXPECT_EQ(next, size);
    }
  }
}

TEST(OtherSplits, WholeAndFirst) {
  EXPECT_TRUE(split_ranges(Split::Whole, 7, 1, 1, 1, 2).empty());
  EXPECT_EQ(split_ranges(Split::First, 7, 1, 1, 0, 2)[0].first, 0);
  EXPECT_TRUE(split_ranges(Split::First, 7, 1, 1, 1, 2)[0].is_zeros());
}

}  // namespace
}  // namespace tessera::nn
