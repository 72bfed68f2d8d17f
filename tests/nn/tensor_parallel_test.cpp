#include "nn/tensor_parallel.hpp"

#include <gtest/gtest.h>

#include <set>

#include "comm/meta/meta_group.hpp"
#include "device/device.hpp"
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

TEST(OtherSplits, Whole) {
  EXPECT_TRUE(split_ranges(Split::Whole, 7, 1, 1, 1, 2).empty());
}

// What a source is asked for.
class Asked final : public WeightSource {
 public:
  Device& device() const override { return *device_; }
  Tensor load(const WeightRequest& request) override {
    last = request;
    return Tensor{};
  }
  WeightRequest last;

 private:
  std::shared_ptr<Device> device_ = Device::open("cpu", Engine::Meta);
};

// Shapes of a model with 4 heads over 2 of 32 channels, a stream of 96 and an MLP of 128.
class Forms : public testing::Test {
 protected:
  using Kind = WeightRequest::Kind;

  TensorParallel share(int chips, int rank, TensorPlan plan) { return {comm::meta_group(chips, rank), plan}; }
  WeightRequest ask(const TensorParallel& parallel, WeightRequest request) {
    ShardedSource(asked_, parallel, 4, 2).load(request);
    return asked_.last;
  }
  static WeightRequest columns(bool bias = false) {
    WeightRequest request{bias ? Kind::Vector : Kind::Matrix, "up", {{"up", 128, Split::Even}}, 96};
    if (bias) request.cols = 1;
    request.cols_split = bias ? Split::Whole : Split::Hidden;
    request.once = bias;
    return request;
  }
  static WeightRequest rows() {
    return {Kind::Matrix, "down", {{"down", 96, Split::Hidden}}, 128, DataType::BFLOAT16, Split::Even};
  }
  static WeightRequest norm() { return {Kind::Vector, "norm", {{"norm", 96, Split::Hidden}}}; }

  Asked asked_;
};

TEST_F(Forms, AReplicatedStreamIsWhole) {
  const TensorParallel two = share(2, 1, {});
  EXPECT_EQ(ask(two, columns()).spec().logical_shape, (Shape{96, 64}));
  EXPECT_EQ(ask(two, rows()).spec().logical_shape, (Shape{64, 96}));
  EXPECT_EQ(ask(two, norm()).spec().logical_shape, (Shape{96}));
  EXPECT_EQ(two.norm(96).group, nullptr);
  EXPECT_FALSE(two.behind_rows().scatter);
}

// 96 channels are 3 tiles: 2 on each of two chips, the last one padding.
TEST_F(Forms, AFracturedStreamIsDividedInTiles) {
  const TensorParallel two = share(2, 1, {TensorForm::Fractured});
  EXPECT_EQ(ask(two, columns()).spec().logical_shape, (Shape{96, 64}));
  EXPECT_EQ(ask(two, rows()).spec().logical_shape, (Shape{64, 128}));
  const WeightRequest mine = ask(two, norm());
  ASSERT_EQ(mine.parts[0].ranges.size(), 2u);
  EXPECT_EQ(mine.parts[0].ranges[0].first, 64);
  EXPECT_EQ(mine.parts[0].ranges[0].count, 32);
  EXPECT_TRUE(mine.parts[0].ranges[1].is_zeros());
  EXPECT_TRUE(two.norm(96).gather);
  EXPECT_TRUE(two.behind_rows().scatter);
}

TEST_F(Forms, AGridDividesBothWays) {
  const TensorParallel chip = share(8, 6, {TensorForm::Grid, 2});  // row 3, column 0
  EXPECT_EQ(chip.parts(), 4);
  EXPECT_EQ(chip.part(), 3);
  EXPECT_EQ(chip.hidden_parts(), 2);
  EXPECT_EQ(chip.hidden_part(), 0);
  EXPECT_EQ(ask(chip, columns()).spec().logical_shape, (Shape{64, 32}));
  EXPECT_EQ(ask(chip, rows()).spec().logical_shape, (Shape{32, 64}));
  EXPECT_EQ(ask(chip, norm()).spec().logical_shape, (Shape{64}));
  EXPECT_EQ(chip.behind_columns().sum->members(), (std::vector<int>{6, 7}));
  EXPECT_EQ(chip.behind_rows().sum->members(), (std::vector<int>{0, 2, 4, 6}));
  EXPECT_EQ(chip.norm(96).group->members(), (std::vector<int>{6, 7}));
  EXPECT_THROW(share(8, 0, {TensorForm::Grid, 3}), UserError);
}

// A sum over chips adds a bias once.
TEST_F(Forms, OneChipOfASumHasTheBias) {
  const auto has_bias = [&](int chips, int rank, TensorPlan plan, WeightRequest request) {
    request.once = true;
    return !ask(share(chips, rank, plan), request).parts[0].ranges[0].is_zeros();
  };
  for (const TensorForm form : {TensorForm::Replicated, TensorForm::Fractured}) {
    EXPECT_TRUE(has_bias(2, 0, {form}, columns(true)) && has_bias(2, 1, {form}, columns(true)));
  }
  const TensorPlan grid{TensorForm::Grid, 2};
  for (int rank = 0; rank < 4; ++rank) {
    EXPECT_EQ(has_bias(4, rank, grid, columns(true)), rank % 2 == 0);
    EXPECT_EQ(has_bias(4, rank, grid, norm()), rank / 2 == 0);
    EXPECT_EQ(has_bias(4, rank, {TensorForm::Fractured}, norm()), rank == 0);
  }
}

TEST(TensorPlans, HaveNames) {
  for (const TensorForm form : {TensorForm::Replicated, TensorForm::Fractured, TensorForm::Grid})
    EXPECT_EQ(parse_tensor_form(to_string(form)), form);
  EXPECT_THROW(parse_tensor_form("3d"), UserError);
  EXPECT_EQ(usual_tensor_plan(8), TensorPlan{});
  EXPECT_EQ(usual_tensor_plan(32), (TensorPlan{TensorForm::Grid, 4}));
}

}  // namespace
}  // namespace tessera::nn
