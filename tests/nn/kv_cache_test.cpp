#include "nn/kv_cache.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "util/error.hpp"

namespace tessera::nn {
namespace {

constexpr std::int32_t kNone = std::numeric_limits<std::int32_t>::max();

class Cache : public ::testing::Test {
 protected:
  // Three users of 100 positions: four pages of 32 each.
  static KvCacheConfig config() {
    KvCacheConfig config;
    config.layers = 2;
    config.kv_heads = 3;
    config.head_dim = 16;
    config.max_users = 3;
    config.max_seq = 100;
    return config;
  }
  static std::vector<std::int32_t> pages(const KvCache& cache, int user) {
    const auto table = cache.page_table().to_int_vector();
    const auto begin = table.begin() + user * 4;
    return {begin, std::find(begin, begin + 4, kNone)};
  }
  std::shared_ptr<Device> device_ = Device::open("cpu", Engine::Fast);
};

TEST_F(Cache, ShapesAndBytes) {
  const KvCache paged(*device_, config());
  EXPECT_TRUE(paged.is_paged());
  EXPECT_EQ(paged.k(1).logical_shape(), (Shape{12, 3, 32, 16}));
  EXPECT_EQ(paged.page_table().logical_shape(), (Shape{3, 4}));
  // Keys and values, 2 layers, 12 pages of 3 heads, tiles of 32 x 32, bfloat16.
  EXPECT_EQ(paged.bytes(), 2 * 2 * 12 * 3 * 32 * 32 * 2);
  KvCacheConfig flat = config();
  flat.block_size = 0;
  const KvCache unpaged(*device_, flat);
  EXPECT_FALSE(unpaged.is_paged());
  EXPECT_EQ(unpaged.v(0).logical_shape(), (Shape{3, 3, 100, 16}));
}

TEST_F(Cache, ReserveTakesPagesAsPositionsNeedThem) {
  KvCache cache(*device_, config());
  const std::vector<std::pair<std::int64_t, std::size_t>> steps{{0, 0},  {1, 1},  {31, 1}, {32, 1}, {33, 2},
                                                                {64, 2}, {65, 3}, {10, 3}, {100, 4}};
  for (const auto& [positions, count] : steps) {
    cache.reserve(1, positions);
    EXPECT_EQ(pages(cache, 1).size(), count) << positions;
  }
  EXPECT_TRUE(pages(cache, 0).empty());
  EXPECT_TRUE(pages(cache, 2).empty());
}

TEST_F(Cache, EveryPageHasOneOwner) {
  for (const std::uint64_t seed : {0u, 1u, 9u}) {
    KvCacheConfig shuffled = config();
    shuffled.page_seed = seed;
    KvCache cache(*device_, shuffled);
    std::vector<std::int32_t> all;
    for (int user = 0; user < 3; ++user) {
      cache.reserve(user, 100);
      for (const auto page : pages(cache, user)) all.push_back(page);
    }
    EXPECT_EQ(std::set(all.begin(), all.end()).size(), 12u);
    EXPECT_EQ(std::ranges::min(all), 0);
    EXPECT_EQ(std::ranges::max(all), 11);
    EXPECT_EQ(std::ranges::is_sorted(all), seed == 0);
  }
}

TEST_F(Cache, ReleasedPagesComeBack) {
  KvCache cache(*device_, config());
  cache.reserve(0, 100);
  cache.reserve(1, 100);
  const auto mine = pages(cache, 0);
  cache.release(0);
  EXPECT_TRUE(pages(cache, 0).empty());
  EXPECT_EQ(pages(cache, 1).size(), 4u);
  cache.release(0);  // nothing left to give
  cache.reserve(2, 100);
  EXPECT_EQ(pages(cache, 2), mine);
  cache.reserve(0, 100);
  std::set<std::int32_t> all;
  for (int user = 0; user < 3; ++user) {
    for (const auto page : pages(cache, user)) all.insert(page);
  }
  EXPECT_EQ(all.size(), 12u);
}

TEST_F(Cache, PagesOfAPart) {
  KvCacheConfig shuffled = config();
  shuffled.page_seed = 4;
  KvCache cache(*device_, shuffled);
  cache.reserve(1, 80);
  const auto all = pages(cache, 1);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(cache.pages_of(1, 0, 80).to_int_vector(), all);
  EXPECT_EQ(cache.pages_of(1, 0, 1).to_int_vector(), std::vector<std::int32_t>{all[0]});
  EXPECT_EQ(cache.pages_of(1, 32, 33).to_int_vector(), (std::vector<std::int32_t>{all[1], all[2]}));
  EXPECT_EQ(cache.pages_of(1, 64, 16).logical_shape(), (Shape{1, 1}));
  EXPECT_THROW(cache.pages_of(1, 16, 8), UserError);
  EXPECT_THROW(cache.pages_of(1, 64, 33), UserError);
  EXPECT_THROW(cache.pages_of(0, 0, 1), UserError);
}

TEST_F(Cache, LimitsAreUserErrors) {
  KvCache cache(*device_, config());
  EXPECT_THROW(cache.reserve(3, 1), UserError);
  EXPECT_THROW(cache.reserve(-1, 1), UserError);
  EXPECT_THROW(cache.reserve(0, 101), UserError);
  // set_pages gives nothing back: user 2 has no page, and none is free.
  cache.reserve(0, 100);
  cache.reserve(1, 100);
  cache.reserve(2, 100);
  cache.set_pages(2, {});
  try {
    cache.reserve(2, 1);
    FAIL() << "took a page that is not there";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("no free page for user 2"), std::string::npos);
  }
  KvCacheConfig none = config();
  none.layers = 0;
  EXPECT_THROW(KvCache(*device_, none), UserError);
}

TEST_F(Cache, PoisonIsNaN) {
  KvCacheConfig poisoned = config();
  poisoned.poison = true;
  for (const DataType dtype : {DataType::FLOAT32, DataType::BFLOAT16}) {
    poisoned.dtype = dtype;
    const KvCache cache(*device_, poisoned);
    for (const float value : cache.k(0).to_vector()) ASSERT_TRUE(std::isnan(value));
    for (const float value : cache.v(1).to_vector()) ASSERT_TRUE(std::isnan(value));
  }
}

}  // namespace
}  // namespace tessera::nn
