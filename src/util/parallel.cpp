#include "util/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "util/cores.hpp"
#include "util/error.hpp"
#include "util/printable.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tessera {
namespace {

thread_local bool t_inside = false;

void cpu_relax() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

// About 50 us of spinning: longer than the gap between two ops of a decode step, shorter than anything a
// user would notice as a busy core.
constexpr int kSpins = 2000;

// Open ParallelSessions: while there is one, workers do not sleep.
std::atomic<int> g_sessions{0};

// With a piece a thread the others wait for the one whose core the host has lent out, or whose memory is
// further away: 13 % of a decode step of one user, 8 % of 32.
constexpr int kPiecesAThread = 8;

// The pieces [first, last) that a thread has before it.
class alignas(64) Queue {
 public:
  void fill(std::int64_t first, std::int64_t last) {
    ends_.store(pack(first, last), std::memory_order_relaxed);
  }

  // The first or the last piece; -1 when there is none.
  std::int64_t take(bool front) {
    std::uint64_t ends = ends_.load(std::memory_order_relaxed);
    for (;;) {
      const auto first = static_cast<std::int64_t>(ends >> 32), last = static_cast<std::int64_t>(ends & kLow);
      if (first >= last) return -1;
      const std::uint64_t rest = front ? pack(first + 1, last) : pack(first, last - 1);
      if (ends_.compare_exchange_weak(ends, rest, std::memory_order_relaxed)) return front ? first : last - 1;
    }
  }

 private:
  static constexpr std::uint64_t kLow = 0xFFFFFFFF;
  static std::uint64_t pack(std::int64_t first, std::int64_t last) {
    return static_cast<std::uint64_t>(first) << 32 | static_cast<std::uint64_t>(last);
  }
  std::atomic<std::uint64_t> ends_{0};
};

class Pool {
 public:
  explicit Pool(int threads) : queues_(static_cast<std::size_t>(threads)) {
    workers_.reserve(static_cast<std::size_t>(threads));
    try {
      for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
    } catch (const std::system_error& error) {
      stop();
      fail_system("cannot start {} threads: {}: give fewer with --threads or TESSERA_THREADS", threads,
                  error.code().message());
    }
  }

  ~Pool() { stop(); }

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // [0, n) in pieces, at most `most`.
  void run(std::int64_t n, std::int64_t most, detail::RangeFn fn, void* context) {
    n_ = n;
    pieces_ = std::min<std::int64_t>(most, size() * kPiecesAThread);
    fn_ = fn;
    context_ = context;
    error_ = nullptr;
    for (int i = 0; i < size(); ++i)
      queues_[static_cast<std::size_t>(i)].fill(pieces_ * i / size(), pieces_ * (i + 1) / size());
    pending_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    {
      std::lock_guard lock(mutex_);
      epoch_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    take_part(0);
    for (int spins = 0; pending_.load(std::memory_order_acquire) != 0; ++spins) {
      if (spins < kSpins) {
        cpu_relax();
      } else {
        std::this_thread::yield();
      }
    }
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void stop() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
      epoch_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  // A thread's own pieces from the front, one behind the other as they lie in memory; then those that others
  // have not come to, from the back.
  void take_part(int index) {
    t_inside = true;
    try {
      for (int i = 0; i < size(); ++i) {
        Queue& queue = queues_[static_cast<std::size_t>((index + i) % size())];
        for (std::int64_t p; (p = queue.take(i == 0)) >= 0;)
          fn_(context_, n_ * p / pieces_, n_ * (p + 1) / pieces_);
      }
    } catch (...) {
      std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
    t_inside = false;
  }

  void work(int index) {
    std::uint64_t seen = 0;
    for (;;) {
      int spins = 0;
      while (epoch_.load(std::memory_order_acquire) == seen) {
        if (++spins < kSpins) {
          cpu_relax();
          continue;
        }
        // Awake, but not in the way of another thread that has work: on a busy machine decode steps of
        // smollm2-135m took three times as long while workers spun through.
        if (g_sessions.load(std::memory_order_relaxed) > 0) {
          std::this_thread::yield();
          continue;
        }
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return epoch_.load(std::memory_order_acquire) != seen; });
      }
      seen = epoch_.load(std::memory_order_acquire);
      if (stop_) return;
      take_part(index);
      pending_.fetch_sub(1, std::memory_order_release);
    }
  }

  std::vector<Queue> queues_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<std::uint64_t> epoch_{0};
  std::atomic<int> pending_{0};
  bool stop_ = false;  // written under mutex_ before the epoch that publishes it
  std::int64_t n_ = 0;
  std::int64_t pieces_ = 0;
  detail::RangeFn fn_ = nullptr;
  void* context_ = nullptr;
  std::exception_ptr error_;
};

int default_threads() {
  if (const char* text = std::getenv("TESSERA_THREADS"); text != nullptr && *text != '\0') {
    const std::string_view number(text);
    int n = 0;
    const auto [end, error] = std::from_chars(number.begin(), number.end(), n);
    check(error == std::errc{} && end == number.end() && n >= 1 && n <= kMostThreads,
          "TESSERA_THREADS is '{}': it must be a number from 1 to {}: set it so, or unset it",
          printable(number), kMostThreads);
    return n;
  }
  return usable_cores();
}

std::mutex g_mutex;  // one loop at a time: two callers take turns
std::unique_ptr<Pool> g_pool;
thread_local Pool* t_share = nullptr;  // of the innermost ParallelShare
// Read without the mutex: a loop's body may ask while its caller holds it. 0: not yet known.
std::atomic<int> g_threads{0};
std::atomic<bool> g_chosen{false};  // by choose_num_threads()

}  // namespace

int num_threads() {
  if (t_share != nullptr) return t_share->size();
  const int known = g_threads;
  if (known != 0) return known;
  int none = 0;
  g_threads.compare_exchange_strong(none, default_threads());
  return g_threads;
}

void set_num_threads(int n) {
  std::lock_guard lock(g_mutex);
  g_threads = std::max(1, n);
  g_pool.reset();
}

void choose_num_threads(int n) {
  set_num_threads(n);
  g_chosen = true;
}

bool num_threads_are_chosen() {
  const char* text = std::getenv("TESSERA_THREADS");
  return g_chosen || (text != nullptr && *text != '\0');
}

ParallelSession::ParallelSession() {
  g_sessions.fetch_add(1, std::memory_order_relaxed);
}
ParallelSession::~ParallelSession() {
  g_sessions.fetch_sub(1, std::memory_order_relaxed);
}

ParallelShare::ParallelShare(int threads)
    : previous_(std::exchange(t_share, new Pool(std::max(1, threads)))) {}
ParallelShare::~ParallelShare() {
  delete std::exchange(t_share, static_cast<Pool*>(previous_));
}

void detail::run_parallel(std::int64_t n, std::int64_t grain, RangeFn fn, void* context) {
  if (n <= 0) return;
  const std::int64_t most = (n + std::max<std::int64_t>(1, grain) - 1) / std::max<std::int64_t>(1, grain);
  if (most <= 1 || t_inside) {
    fn(context, 0, n);
    return;
  }
  if (num_threads() == 1) {
    fn(context, 0, n);
    return;
  }
  if (t_share != nullptr) return t_share->run(n, most, fn, context);
  std::lock_guard lock(g_mutex);
  if (!g_pool) g_pool = std::make_unique<Pool>(num_threads());
  g_pool->run(n, most, fn, context);
}

}  // namespace tessera
