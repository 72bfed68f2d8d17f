// The collectives of ranks that are threads: values, bits, and what happens when one of them fails.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "comm/meta/meta_group.hpp"
#include "comm/threads/thread_world.hpp"
#include "util/rng.hpp"

namespace tessera::comm::test {
namespace {

// The same on every rank; the text of what each threw.
std::vector<std::string> run_ranks(int ranks, const std::function<void(Group&)>& body) {
  ThreadWorld world(ranks);
  std::vector<std::string> errors(static_cast<std::size_t>(ranks));
  std::vector<std::thread> threads;
  for (int r = 0; r < ranks; ++r) {
    threads.emplace_back([&, r] {
      const auto group = world.group(r);
      try {
        body(*group);
      } catch (const std::exception& error) {
        errors[static_cast<std::size_t>(r)] = error.what();
      }
      world.leave(r);
    });
  }
  for (auto& thread : threads) thread.join();
  return errors;
}

void expect_no_errors(const std::vector<std::string>& errors) {
  for (std::size_t r = 0; r < errors.size(); ++r) EXPECT_EQ(errors[r], "") << "rank " << r;
}

std::vector<float> values_of(int rank, std::size_t n) {
  Rng rng(static_cast<std::uint64_t>(rank) + 7);
  std::vector<float> values(n);
  for (float& v : values) v = rng.normal();
  return values;
}

// In the order of the ranks, in float32.
std::vector<float> sum_over(int ranks, std::size_t n) {
  std::vector<float> sum = values_of(0, n);
  for (int r = 1; r < ranks; ++r) {
    const auto more = values_of(r, n);
    for (std::size_t i = 0; i < n; ++i) sum[i] += more[i];
  }
  return sum;
}

class Ranks : public testing::TestWithParam<int> {};

// 20,011 values take the two rounds of a large all_reduce, in unequal parts.
TEST_P(Ranks, AllReduceGivesTheSameBitsEverywhere) {
  for (const std::size_t n : {std::size_t{1}, std::size_t{7}, std::size_t{20011}}) {
    const auto expected = sum_over(GetParam(), n);
    expect_no_errors(run_ranks(GetParam(), [&](Group& group) {
      auto values = values_of(group.rank(), n);
      group.all_reduce(std::span(values));
      EXPECT_EQ(values, expected);
    }));
  }
}

TEST_P(Ranks, Bfloat16IsSummedInFloat32AndRoundedOnce) {
  constexpr std::size_t kValues = 33;
  std::vector<float> sum(kValues, 0.f);
  for (int r = 0; r < GetParam(); ++r) {
    const auto values = values_of(r, kValues);
    for (std::size_t i = 0; i < kValues; ++i) sum[i] += bf16_to_float(float_to_bf16(values[i]));
  }
  expect_no_errors(run_ranks(GetParam(), [&](Group& group) {
    std::vector<bf16> values;
    for (const float v : values_of(group.rank(), kValues)) values.push_back(float_to_bf16(v));
    group.all_reduce(std::span(values));
    for (std::size_t i = 0; i < kValues; ++i) EXPECT_EQ(values[i], float_to_bf16(sum[i])) << i;
  }));
}

TEST_P(Ranks, GatherAndScatterAreInTheOrderOfTheRanks) {
  constexpr std::size_t kPart = 5;
  const auto n = static_cast<std::size_t>(GetParam());
  const auto sum = sum_over(GetParam(), kPart * n);
  expect_no_errors(run_ranks(GetParam(), [&](Group& group) {
    const auto me = static_cast<std::size_t>(group.rank());
    const auto all = values_of(group.rank(), kPart * n);
    std::vector<float> mine(kPart), joined(kPart * n);
    group.reduce_scatter(std::span<const float>(all), std::span(mine));
    for (std::size_t i = 0; i < kPart; ++i) EXPECT_EQ(mine[i], sum[me * kPart + i]);
    group.all_gather(std::span<const float>(mine), std::span(joined));
    EXPECT_EQ(joined, sum);
  }));
}

TEST_P(Ranks, BroadcastAndManyBarriers) {
  const int root = GetParam() - 1;
  std::atomic<int> arrived{0};
  expect_no_errors(run_ranks(GetParam(), [&](Group& group) {
    int value = group.rank() == root ? 42 : 0;
    group.broadcast(std::as_writable_bytes(std::span(&value, 1)), root);
    EXPECT_EQ(value, 42);
    for (int turn = 1; turn <= 50; ++turn) {
      ++arrived;
      group.barrier();
      EXPECT_GE(arrived.load(), turn * GetParam());
    }
  }));
}

INSTANTIATE_TEST_SUITE_P(Comm, Ranks, testing::Values(1, 2, 3, 8));

TEST(Subgroups, SumAmongThemselves) {
  expect_no_errors(run_ranks(6, [](Group& group) {
    const int row = group.rank() / 3;
    const auto part = group.subgroup({row * 3, row * 3 + 1, row * 3 + 2});
    std::int32_t value = 1 << group.rank();
    part->all_reduce(std::span(&value, 1));
    EXPECT_EQ(value, row == 0 ? 7 : 56);
    if (part->rank() == 1) return;
    const auto ends = part->subgroup({0, 2});
    EXPECT_EQ(ends->members(), (std::vector<int>{row * 3, row * 3 + 2}));
  }));
}

TEST(Failures, AFailingRankIsNamedToAllOthers) {
  const auto errors = run_ranks(4, [](Group& group) {
    if (group.rank() == 2) {
      group.abort("the disk is full");
      fail_system("the disk is full");
    }
    group.barrier();
  });
  for (const int r : {0, 1, 3})
    EXPECT_NE(errors[static_cast<std::size_t>(r)].find("rank 2 failed: the disk is full"), std::string::npos)
        << errors[static_cast<std::size_t>(r)];
}

TEST(Failures, ARankThatEndsEarlyIsNamedAtOnce) {
  const auto errors = run_ranks(3, [](Group& group) {
    if (group.rank() != 1) group.barrier();
  });
  EXPECT_EQ(errors[1], "");
  EXPECT_NE(errors[0].find("rank 1 ended while rank"), std::string::npos) << errors[0];
  EXPECT_NE(errors[2].find("rank 1 ended while rank"), std::string::npos) << errors[2];
}

TEST(Failures, ARankThatNeverArrivesIsNamedWithinTheTimeLimit) {
  std::atomic<bool> others_done{false};
  std::atomic<int> failed{0};
  const auto errors = run_ranks(3, [&](Group& group) {
    group.set_timeout(0.1);
    if (group.rank() == 0) {
      while (!others_done) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return;
    }
    try {
      group.barrier();
    } catch (...) {
      others_done = ++failed == 2;
      throw;
    }
  });
  for (const int r : {1, 2})
    EXPECT_NE(errors[static_cast<std::size_t>(r)].find("rank 0 did not arrive in 0.1 s"), std::string::npos)
        << errors[static_cast<std::size_t>(r)];
}

TEST(Failures, SizesThatDoNotFitAreRefused) {
  const auto errors = run_ranks(2, [](Group& group) {
    const std::vector<float> three(3);
    std::vector<float> one(1);
    group.reduce_scatter(std::span<const float>(three), std::span(one));
  });
  EXPECT_NE(errors[0].find("3 values into 2 parts of 1: give 2"), std::string::npos) << errors[0];
}

TEST(MetaGroups, HaveASizeAndNoData) {
  const auto group = meta_group(8, 3);
  EXPECT_EQ(group->size(), 8);
  EXPECT_EQ(group->subgroup({2, 3})->rank(), 1);
  EXPECT_THROW(group->barrier(), UserError);
  EXPECT_THROW(meta_group(2, 2), UserError);
}

}  // namespace
}  // namespace tessera::comm::test
