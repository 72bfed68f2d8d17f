// Lines and rings: what arrives, that only neighbours talk, and how much goes over each link.
#include "comm/routes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "comm/threads/thread_world.hpp"
#include "util/rng.hpp"

namespace tessera::comm::test {
namespace {

// A group that counts what goes from rank to rank.
class Counted final : public Group {
 public:
  Counted(std::shared_ptr<Group> group, std::vector<std::size_t>& sent)
      : Group(group->rank(), group->members()), group_(std::move(group)), sent_(sent) {}

  void exchange(const Exchange& e) override {
    for (std::size_t r = 0; r < e.send.size(); ++r) sent_[r] += e.send[r].size();
    ++steps;
    group_->exchange(e);
  }
  std::shared_ptr<Group> subgroup(const std::vector<int>& ranks) override { return group_->subgroup(ranks); }
  void abort(std::string_view cause) noexcept override { group_->abort(cause); }

  int steps = 0;

 private:
  std::shared_ptr<Group> group_;
  std::vector<std::size_t>& sent_;
};

struct Case {
  Wiring wiring;
  int ranks;
};

class Routes : public testing::TestWithParam<Case> {
 protected:
  // Runs `body` on every rank; afterwards links[from][to] has the bytes.
  void run(const std::function<void(Counted&)>& body) {
    const int n = GetParam().ranks;
    ThreadWorld world(n);
    links_.assign(static_cast<std::size_t>(n), std::vector<std::size_t>(static_cast<std::size_t>(n)));
    std::vector<std::thread> threads;
    for (int r = 0; r < n; ++r) {
      threads.emplace_back([&, r] {
        Counted group(world.group(r), links_[static_cast<std::size_t>(r)]);
        body(group);
        world.leave(r);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  void expect_neighbours_only(std::size_t most) const {
    std::size_t busiest = 0;
    const int n = GetParam().ranks;
    for (int from = 0; from < n; ++from) {
      for (int to = 0; to < n; ++to) {
        const std::size_t bytes = links_[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
        const int apart = std::abs(from - to);
        const bool round = GetParam().wiring == Wiring::Ring && apart == n - 1;
        if (apart != 1 && !round) {
          EXPECT_EQ(bytes, 0u) << from << " to " << to;
        }
        busiest = std::max(busiest, bytes);
      }
    }
    EXPECT_EQ(busiest, most);
  }

  std::size_t hops() const {
    const int n = GetParam().ranks;
    return static_cast<std::size_t>(GetParam().wiring == Wiring::Ring ? n / 2 : n - 1);
  }

  std::vector<std::vector<std::size_t>> links_;
};

std::vector<float> values_of(int rank, std::size_t n) {
  Rng rng(static_cast<std::uint64_t>(rank) + 3);
  std::vector<float> values(n);
  for (float& v : values) v = rng.normal();
  return values;
}

constexpr std::size_t kPart = 5;

TEST_P(Routes, EveryBlockComesToEveryRank) {
  const auto n = static_cast<std::size_t>(GetParam().ranks);
  run([&](Counted& group) {
    std::vector<float> all(n * kPart, 0.f);
    Parts<std::byte> parts;
    for (std::size_t r = 0; r < n; ++r)
      parts.push_back(std::as_writable_bytes(std::span(all).subspan(r * kPart, kPart)));
    const auto mine = values_of(group.rank(), kPart);
    std::ranges::copy(mine, all.begin() + static_cast<std::ptrdiff_t>(group.rank() * kPart));
    gather_along(group, GetParam().wiring, parts);
    EXPECT_EQ(static_cast<std::size_t>(group.steps), hops());
    for (std::size_t r = 0; r < n; ++r) {
      const auto expected = values_of(static_cast<int>(r), kPart);
      EXPECT_TRUE(
          std::equal(expected.begin(), expected.end(), all.begin() + static_cast<std::ptrdiff_t>(r * kPart)));
    }
  });
  expect_neighbours_only(hops() * kPart * sizeof(float));
}

// Blocks of unequal lengths, one of them empty.
TEST_P(Routes, EveryRankGetsItsSum) {
  const auto n = static_cast<std::size_t>(GetParam().ranks);
  const auto begin_of = [&](std::size_t r) { return r == 0 ? 0 : (r - 1) * kPart + r % 2; };
  const std::size_t size = (n - 1) * kPart + 2;
  run([&](Counted& group) {
    auto all = values_of(group.rank(), size);
    Parts<float> parts;
    for (std::size_t r = 0; r < n; ++r) {
      const std::size_t end = r + 1 == n ? size : begin_of(r + 1);
      parts.push_back(std::span(all).subspan(begin_of(r), end - begin_of(r)));
    }
    reduce_along(group, GetParam().wiring, parts);
    const auto me = static_cast<std::size_t>(group.rank());
    for (std::size_t i = 0; i < parts[me].size(); ++i) {
      double sum = 0;
      for (std::size_t r = 0; r < n; ++r)
        sum += static_cast<double>(values_of(static_cast<int>(r), size)[begin_of(me) + i]);
      EXPECT_NEAR(parts[me][i], sum, 1e-5);
    }
  });
}

TEST_P(Routes, ASumGrowsOnTheWay) {
  const auto n = static_cast<std::size_t>(GetParam().ranks);
  run([&](Counted& group) {
    auto all = values_of(group.rank(), n * kPart);
    Parts<float> parts;
    for (std::size_t r = 0; r < n; ++r) parts.push_back(std::span(all).subspan(r * kPart, kPart));
    reduce_along(group, GetParam().wiring, parts);
  });
  // One block a hop, not one for each rank behind it.
  expect_neighbours_only(hops() * kPart * sizeof(float));
}

INSTANTIATE_TEST_SUITE_P(Comm, Routes,
                         testing::Values(Case{Wiring::Line, 1}, Case{Wiring::Line, 2}, Case{Wiring::Line, 3},
                                         Case{Wiring::Line, 5}, Case{Wiring::Ring, 2}, Case{Wiring::Ring, 3},
                                         Case{Wiring::Ring, 4}, Case{Wiring::Ring, 8}));

}  // namespace
}  // namespace tessera::comm::test
