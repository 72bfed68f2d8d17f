#include "util/parallel.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "util/error.hpp"

namespace tessera::test {
namespace {

using Ranges = std::vector<std::pair<std::int64_t, std::int64_t>>;

Ranges ranges_of(std::int64_t n, std::int64_t grain) {
  std::mutex mutex;
  Ranges ranges;
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    const std::lock_guard lock(mutex);
    ranges.emplace_back(begin, end);
  });
  std::sort(ranges.begin(), ranges.end());
  return ranges;
}

class Parallel : public testing::Test {
 protected:
  ~Parallel() override { set_num_threads(before_); }

 private:
  int before_ = num_threads();
};

TEST_F(Parallel, RangesCoverEveryItemOnce) {
  for (int threads = 1; threads <= 8; ++threads) {
    set_num_threads(threads);
    EXPECT_EQ(num_threads(), threads);
    for (const std::int64_t n : {0, 1, 2, 7, 64, 1000}) {
      for (const std::int64_t grain : {0, 1, 3, 64, 5000}) {
        const Ranges ranges = ranges_of(n, grain);
        std::int64_t at = 0;
        for (const auto& [begin, end] : ranges) {
          EXPECT_EQ(begin, at);
          EXPECT_GT(end, begin);
          at = end;
        }
        EXPECT_EQ(at, n) << threads << " threads, grain " << grain;
        EXPECT_LE(ranges.size(), static_cast<std::size_t>(threads) * 8);
        EXPECT_LE(std::ssize(ranges),
                  (n + std::max<std::int64_t>(grain, 1) - 1) / std::max<std::int64_t>(grain, 1));
        EXPECT_EQ(ranges_of(n, grain), ranges);
      }
    }
  }
}

TEST_F(Parallel, ManyShortLoops) {
  set_num_threads(4);
  std::vector<std::int64_t> sums(64);
  for (std::int64_t loop = 0; loop < 2000; ++loop) {
    parallel_for(64, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) sums[static_cast<std::size_t>(i)] += loop;
    });
  }
  for (const std::int64_t sum : sums) EXPECT_EQ(sum, 2000 * 1999 / 2);
}

// The first item waits until all others are done: somebody else has to take those that lie behind it.
TEST_F(Parallel, AThreadThatIsHeldUpHoldsUpNoOtherItem) {
  for (const int threads : {2, 3}) {
    set_num_threads(threads);
    std::atomic<int> others{0};
    std::atomic<bool> in_time{false};
    parallel_for(16, 1, [&](std::int64_t begin, std::int64_t end) {
      ASSERT_EQ(end, begin + 1);
      if (begin != 0) {
        ++others;
        return;
      }
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
      while (others != 15 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
      in_time = others == 15;
    });
    EXPECT_TRUE(in_time) << threads << " threads";
  }
}

TEST_F(Parallel, AnExceptionComesOutAndThePoolGoesOn) {
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    std::atomic<int> finished{0};
    const auto fail_at = [&](std::int64_t bad) {
      parallel_for(10, 1, [&](std::int64_t begin, std::int64_t end) {
        if (begin <= bad && bad < end) throw std::runtime_error("item");
        finished += static_cast<int>(end - begin);
      });
    };
    for (const std::int64_t bad : {0, 5, 9}) EXPECT_THROW(fail_at(bad), std::runtime_error);
    EXPECT_THROW(parallel_for(10, 1, [](std::int64_t, std::int64_t) { throw std::logic_error("all"); }),
                 std::logic_error);
    finished = 0;
    fail_at(-1);
    EXPECT_EQ(finished, 10);
  }
}

TEST_F(Parallel, ANestedLoopRunsOnItsThread) {
  for (const int threads : {1, 2, 4}) {
    set_num_threads(threads);
    std::atomic<int> items{0}, elsewhere{0};
    parallel_for(8, 1, [&](std::int64_t begin, std::int64_t end) {
      const auto self = std::this_thread::get_id();
      EXPECT_EQ(num_threads(), threads);  // asking must not wait for the loop that asks
      for (std::int64_t i = begin; i < end; ++i) {
        parallel_for(100, 1, [&](std::int64_t from, std::int64_t to) {
          elsewhere += std::this_thread::get_id() != self;
          items += static_cast<int>(to - from);
        });
      }
    });
    EXPECT_EQ(items, 800);
    EXPECT_EQ(elsewhere, 0);
  }
}

// A stack that no address space has room for: what a machine without threads to give looks like.
TEST_F(Parallel, ThreadsThatCannotBeStartedAreAnError) {
  set_num_threads(4);
  pthread_attr_t before, huge;
  pthread_getattr_default_np(&before);
  pthread_getattr_default_np(&huge);
  ASSERT_EQ(pthread_attr_setstacksize(&huge, std::size_t{1} << 50), 0);
  std::atomic<std::int64_t> sum{0};
  const auto loop = [&] {
    parallel_for(30, 1, [&](std::int64_t begin, std::int64_t end) { sum += end - begin; });
  };
  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  EXPECT_THROW(loop(), SystemError);
  ASSERT_EQ(pthread_setattr_default_np(&before), 0);
  loop();
  EXPECT_EQ(sum, 30);
  pthread_attr_destroy(&before);
  pthread_attr_destroy(&huge);
}

TEST(ParallelDeathTest, TheVariableIsANumberOfThreadsOrAnError) {
  // In a process of its own, which has not asked for the number yet.
  const auto threads_with = [](const char* value) {
    setenv("TESSERA_THREADS", value, 1);
    try {
      return num_threads();
    } catch (const UserError&) {
      return 255;
    }
  };
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(std::_Exit(threads_with("3")), testing::ExitedWithCode(3), "");
  for (const char* bad : {"abc", "0", "-1", "4x", " 4", "1025", "99999999999999999999"}) {
    EXPECT_EXIT(std::_Exit(threads_with(bad)), testing::ExitedWithCode(255), "") << bad;
  }
}

TEST(ParallelDeathTest, AChosenNumberIsKnownAsSuch) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto chosen = [](const char* value, int threads) {
    if (value != nullptr) setenv("TESSERA_THREADS", value, 1);
    if (value == nullptr) unsetenv("TESSERA_THREADS");
    set_num_threads(2);
    if (threads > 0) choose_num_threads(threads);
    return num_threads() + (num_threads_are_chosen() ? 100 : 0);
  };
  EXPECT_EXIT(std::_Exit(chosen(nullptr, 0)), testing::ExitedWithCode(2), "");
  EXPECT_EXIT(std::_Exit(chosen("", 0)), testing::ExitedWithCode(2), "");
  EXPECT_EXIT(std::_Exit(chosen("4", 0)), testing::ExitedWithCode(102), "");
  EXPECT_EXIT(std::_Exit(chosen("4", 3)), testing::ExitedWithCode(103), "");
}

TEST_F(Parallel, ASharePutsLoopsOnThreadsOfTheirOwn) {
  set_num_threads(4);
  const ParallelShare alone(1);
  EXPECT_EQ(num_threads(), 1);
  const auto self = std::this_thread::get_id();
  parallel_for(100, 1, [&](std::int64_t, std::int64_t) { EXPECT_EQ(std::this_thread::get_id(), self); });
  {
    const ParallelShare two(2);
    EXPECT_EQ(num_threads(), 2);
    EXPECT_EQ(ranges_of(100, 1).size(), 16u);
    EXPECT_THROW(parallel_for(10, 1, [](std::int64_t, std::int64_t) { throw std::runtime_error("x"); }),
                 std::runtime_error);
  }
  EXPECT_EQ(num_threads(), 1);
  std::thread other([] { EXPECT_EQ(num_threads(), 4); });
  other.join();
}

TEST_F(Parallel, CallersTakeTurns) {
  set_num_threads(3);
  std::atomic<std::int64_t> sum{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 3; ++c) {
    callers.emplace_back([&] {
      for (int loop = 0; loop < 200; ++loop) {
        parallel_for(30, 1, [&](std::int64_t begin, std::int64_t end) { sum += end - begin; });
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(sum, 3 * 200 * 30);
}

}  // namespace
}  // namespace tessera::test
