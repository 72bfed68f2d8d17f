#include "ops/kv_cache/kv_cache.hpp"

#include <algorithm>
#include <set>

#include "op_test_util.hpp"
#include "ops/typecast/typecast.hpp"

namespace tessera::test {
namespace {

using namespace experimental;

constexpr DataType kCacheDtypes[] = {DataType::FLOAT32, DataType::BFLOAT16, DataType::BFLOAT8_B};

/// A cache whose every byte is 0xFF: NaN in float32 and bfloat16, and no code that a row would get.
Tensor poisoned(Maker& make, DataType dtype, const Shape& shape) {
  Tensor cache = allocate_tensor_on_device(make.device(), {shape, dtype, Layout::TILE});
  std::ranges::fill(cache.bytes(), std::byte{0xFF});
  return cache;
}

/// Row `row` of the cache holds row `x_row` of x, rounded as typecast rounds; rows not in `written` are
/// untouched.
class CacheCheck {
 public:
  CacheCheck(const Tensor& cache, const Tensor& x)
      : cache_(cache), rows_(typecast(x, cache.dtype())), dim_(cache.logical_shape()[-1]) {}

  void expect_row(std::int64_t row, std::int64_t x_row) {
    EXPECT_TRUE(std::ranges::equal(bytes(cache_, row), bytes(rows_, x_row))) << "cache row " << row;
    written_.insert(row);
  }
  void expect_others_untouched() {
    for (std::int64_t row = 0; row < cache_.logical_shape().rows(); ++row) {
      if (written_.contains(row)) continue;
      const auto bytes_of_row = bytes(cache_, row);
      EXPECT_TRUE(std::ranges::all_of(bytes_of_row, [](std::byte b) { return b == std::byte{0xFF}; })) << row;
    }
  }

 private:
  std::span<const std::byte> bytes(const Tensor& t, std::int64_t row) const {
    const auto size = static_cast<std::size_t>(form_bytes(t.form(), {1, dim_}));
    return t.bytes().subspan(static_cast<std::size_t>(row) * size, size);
  }

  Tensor cache_, rows_;
  std::int64_t dim_;
  std::set<std::int64_t> written_;
};

void for_each_cache(const std::function<void(Maker&, DataType)>& body) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    for (const DataType input : {DataType::FLOAT32, DataType::BFLOAT16}) {
      for (const DataType dtype : kCacheDtypes) {
        SCOPED_TRACE(fmt::format("{}, {} into {}", to_string(engine), to_string(input), to_string(dtype)));
        for_each_isa([&] {
          Maker make(engine, input);
          body(make, dtype);
        });
      }
    }
  }
}

TEST(KvCache, FillWritesOneUser) {
  for_each_cache([](Maker& make, DataType dtype) {
    for (const std::int64_t seq : {1, 5, 9}) {
      const Tensor cache = poisoned(make, dtype, {3, 2, 9, 24});
      const Tensor x = make.normal({1, 2, seq, 24});
      const Tensor result = fill_cache(cache, x, 1);
      EXPECT_TRUE(result.shares_memory_with(cache));
      CacheCheck check(cache, x);
      for (std::int64_t h = 0; h < 2; ++h) {
        for (std::int64_t s = 0; s < seq; ++s) check.expect_row((1 * 2 + h) * 9 + s, h * seq + s);
      }
      check.expect_others_untouched();
    }
  });
}

TEST(KvCache, UpdateWritesOnePositionAUser) {
  for_each_cache([](Maker& make, DataType dtype) {
    const Tensor cache = poisoned(make, dtype, {5, 3, 7, 20});
    const Tensor x = make.normal({1, 4, 3, 20});  // four of the cache's five users
    const std::vector<std::int32_t> positions{0, -1, 6, 3};
    const Tensor result = paged_update_cache(cache, x, make.ints(positions, {4}));
    EXPECT_TRUE(result.shares_memory_with(cache));
    CacheCheck check(cache, x);
    for (std::int64_t u = 0; u < 4; ++u) {
      const std::int64_t position = positions[static_cast<std::size_t>(u)];
      for (std::int64_t h = 0; h < 3 && position >= 0; ++h) {
        check.expect_row((u * 3 + h) * 7 + position, u * 3 + h);
      }
    }
    check.expect_others_untouched();
  });
}

TEST(KvCache, PagedUpdateCrossesPages) {
  for_each_cache([](Maker& make, DataType dtype) {
    constexpr std::int64_t kBlock = 4, kHeads = 2, kDim = 16;
    // User 3 has no pages and is idle: its row may point anywhere.
    const std::vector<std::int32_t> table{7, 2, 5, 0, 6, 1, 3, 4, 8, -1, 99, -1};
    for (std::int32_t position = 0; position < 12; ++position) {
      const std::vector<std::int32_t> positions{position, 11 - position, 11, -1};
      const Tensor cache = poisoned(make, dtype, {9, kHeads, kBlock, kDim});
      const Tensor x = make.normal({1, 4, kHeads, kDim});
      paged_update_cache(cache, x, make.ints(positions, {4}), make.ints(table, {4, 3}));
      CacheCheck check(cache, x);
      for (std::int64_t u = 0; u < 3; ++u) {
        const std::int64_t p = positions[static_cast<std::size_t>(u)];
        const std::int64_t block = table[static_cast<std::size_t>(u * 3 + p / kBlock)];
        for (std::int64_t h = 0; h < kHeads; ++h) {
          check.expect_row((block * kHeads + h) * kBlock + p % kBlock, u * kHeads + h);
        }
      }
      check.expect_others_untouched();
    }
  });
}

TEST(KvCache, PagedFillUsesTheUsersPages) {
  for_each_cache([](Maker& make, DataType dtype) {
    const std::vector<std::int32_t> table{0, 1, 2, 4, 3, -1};  // user 1: blocks 4, 3
    for (const std::int64_t seq : {1, 4, 5, 8}) {
      const Tensor cache = poisoned(make, dtype, {6, 2, 4, 33});
      const Tensor x = make.normal({1, 2, seq, 33});
      paged_fill_cache(cache, x, make.ints(table, {2, 3}), 1);
      CacheCheck check(cache, x);
      for (std::int64_t s = 0; s < seq; ++s) {
        const std::int64_t block = s < 4 ? 4 : 3;
        for (std::int64_t h = 0; h < 2; ++h) check.expect_row((block * 2 + h) * 4 + s % 4, h * seq + s);
      }
      check.expect_others_untouched();
    }
  });
}

// As TT-Transformers fills: from keys and values in the cache's own dtype.
TEST(KvCache, FillTakesTheCachesDtype) {
  for_each_cache([](Maker& make, DataType dtype) {
    const Tensor cache = poisoned(make, dtype, {3, 2, 4, 40});
    const Tensor paged = poisoned(make, dtype, {3, 2, 4, 40});
    const Tensor x = make.extreme({1, 2, 4, 40});
    fill_cache(cache, typecast(x, dtype), 1);
    paged_fill_cache(paged, typecast(x, dtype), make.ints({2}, {1, 1}));
    CacheCheck check(cache, x), check_paged(paged, x);
    for (std::int64_t row = 0; row < 2 * 4; ++row) {
      check.expect_row(2 * 4 + row, row);
      check_paged.expect_row(2 * 2 * 4 + row, row);
    }
    check.expect_others_untouched();
    check_paged.expect_others_untouched();
  });
}

// What prefill writes at once, decode writes step by step.
TEST(KvCache, StepsGiveWhatAFillGives) {
  for_each_cache([](Maker& make, DataType dtype) {
    constexpr std::int64_t kSeq = 6, kDim = 40;
    const Tensor x = make.heavy_tailed({1, 1, kSeq, kDim});
    const Tensor filled = poisoned(make, dtype, {1, 1, kSeq, kDim});
    const Tensor stepped = poisoned(make, dtype, {1, 1, kSeq, kDim});
    fill_cache(filled, x, 0);
    for (std::int64_t s = 0; s < kSeq; ++s) {
      const Tensor row = one_row(x, s).view({1, 1, 1, kDim});
      paged_update_cache(stepped, row, make.ints({static_cast<std::int32_t>(s)}, {1}));
    }
    EXPECT_TRUE(std::ranges::equal(filled.bytes(), stepped.bytes()));
  });
}

TEST(KvCache, RefusedCallsWriteNothing) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    Maker make(engine, DataType::BFLOAT16);
    const Tensor cache = poisoned(make, DataType::BFLOAT16, {2, 1, 4, 8});
    const Tensor x = make.normal({1, 2, 1, 8}), prompt = make.normal({1, 1, 8, 8});
    const auto update = [&](std::vector<std::int32_t> positions) {
      paged_update_cache(cache, x, make.ints(positions, {2}));
    };
    const auto paged = [&](std::vector<std::int32_t> positions, std::vector<std::int32_t> table) {
      paged_update_cache(cache, x, make.ints(positions, {2}), make.ints(table, {2, 2}));
    };
    expect_refused("paged_update_cache", "positions 0 to 3", [&] { update({1, 4}); });
    expect_refused("paged_update_cache", "position -2", [&] { update({1, -2}); });
    expect_refused("paged_update_cache", "block 2", [&] { paged({0, 1}, {0, 1, 2, 0}); });
    expect_refused("paged_update_cache", "block -1", [&] { paged({0, 5}, {0, 1, 1, -1}); });
    expect_refused("paged_update_cache", "position 8", [&] { paged({8, 0}, {0, 1, 1, 0}); });
    expect_refused("paged_fill_cache", "block 5",
                   [&] { paged_fill_cache(cache, prompt, make.ints({0, 5}, {1, 2})); });
    CacheCheck(cache, make.normal({1, 8})).expect_others_untouched();
  }
}

TEST(KvCache, Refusals) {
  for (const Engine engine : {Engine::Ref, Engine::Fast, Engine::Meta}) {
    Maker make(engine, DataType::BFLOAT16);
    const Tensor cache = zeros(make.device(), {{2, 1, 4, 8}, DataType::BFLOAT8_B, Layout::TILE});
    const Tensor idx = make.ints({0, 1}, {2}), table = make.ints({0, 1}, {1, 2});
    const Tensor none = zeros(make.device(), {{2, 1, 0, 8}, DataType::BFLOAT16, Layout::TILE});
    expect_refused("paged_update_cache", "room for at least one position", [&] {
      paged_update_cache(none, make.normal({1, 2, 1, 8}), idx, make.ints({0, 1}, {2, 1}));
    });
    expect_refused("fill_cache", "batch_idx 2", [&] { fill_cache(cache, make.normal({1, 1, 4, 8}), 2); });
    expect_refused("fill_cache", "5 tokens", [&] { fill_cache(cache, make.normal({1, 1, 5, 8}), 0); });
    expect_refused("fill_cache", "kv_heads, seq, head_dim",
                   [&] { fill_cache(cache, make.normal({1, 2, 4, 8}), 0); });
    expect_refused("fill_cache", "interleaved", [&] {
      fill_cache(zeros(make.device(), {{2, 1, 4, 8}, DataType::INT32, Layout::TILE}),
                 make.normal({1, 1, 4, 8}), 0);
    });
    expect_refused("fill_cache", "input int32", [&] {
      fill_cache(zeros(make.device(), {{2, 1, 4, 8}, DataType::BFLOAT16, Layout::TILE}),
                 zeros(make.device(), {{1, 1, 4, 8}, DataType::INT32, Layout::TILE}), 0);
    });
    expect_refused("paged_update_cache", "one a user",
                   [&] { paged_update_cache(cache, make.normal({1, 3, 1, 8}), idx); });
    expect_refused("paged_update_cache", "3 users",
                   [&] { paged_update_cache(cache, make.normal({1, 3, 1, 8}), make.ints({0, 0, 0}, {3})); });
    expect_refused("paged_update_cache", "page_table",
                   [&] { paged_update_cache(cache, make.normal({1, 2, 1, 8}), idx, table); });
    expect_refused("paged_update_cache", "int32",
                   [&] { paged_update_cache(cache, make.normal({1, 2, 1, 8}), make.normal({2})); });
    expect_refused("paged_fill_cache", "9 tokens",
                   [&] { paged_fill_cache(cache, make.normal({1, 1, 9, 8}), table); });
  }
}

}  // namespace
}  // namespace tessera::test
