#pragma once
// The one seam for parallel loops. A pool of threads that spin briefly and then sleep: a decode step has
// some 500 short loops, and waking a sleeping thread costs more than most of them.
#include <cstdint>
#include <type_traits>

namespace tessera {

/// More than any machine's cores: a typing error.
constexpr int kMostThreads = 1024;

/// Number of threads that the calling thread's loops use. Default: TESSERA_THREADS, else usable_cores(), one
/// thread a physical core. Throws UserError when TESSERA_THREADS is not a number from 1 to 1024.
int num_threads();

/// Sets the number of threads (>= 1). Not to be called from inside a parallel_for.
void set_num_threads(int n);

/// The same, as the user's own word: processes that share a machine divide the default among them, and leave
/// a chosen number alone.
void choose_num_threads(int n);
/// Whether the user has said how many, by choose_num_threads() or TESSERA_THREADS.
bool num_threads_are_chosen();

/// Keeps the worker threads awake between loops during its lifetime: many short loops in a row (a replayed
/// trace) wake them once.
class ParallelSession {
 public:
  ParallelSession();
  ~ParallelSession();
  ParallelSession(const ParallelSession&) = delete;
  ParallelSession& operator=(const ParallelSession&) = delete;
};

/// During its lifetime, loops of the calling thread run on a pool of `threads` threads of their own, this one
/// among them: several chips in one process share the cores without waiting for each other's loops.
class ParallelShare {
 public:
  explicit ParallelShare(int threads);
  ~ParallelShare();
  ParallelShare(const ParallelShare&) = delete;
  ParallelShare& operator=(const ParallelShare&) = delete;

 private:
  void* previous_;
};

namespace detail {
using RangeFn = void (*)(void* context, std::int64_t begin, std::int64_t end);
void run_parallel(std::int64_t n, std::int64_t grain, RangeFn fn, void* context);
}  // namespace detail

/// Calls body(begin, end) on contiguous ranges that cover [0, n), at least `grain` items each, and waits. A
/// thread takes several, in no order to rely on. Ranges are a pure function of n, grain and the thread count.
/// The first exception is rethrown here.
/// A nested call runs on the calling thread. Throws SystemError when the threads cannot be started.
template <class Body>
void parallel_for(std::int64_t n, std::int64_t grain, Body&& body) {
  detail::run_parallel(
      n, grain,
      [](void* context, std::int64_t begin, std::int64_t end) {
        (*static_cast<std::remove_reference_t<Body>*>(context))(begin, end);
      },
      const_cast<void*>(static_cast<const void*>(&body)));
}

}  // namespace tessera
