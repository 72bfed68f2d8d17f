// The three rates that bound the kernels of linear, each by the instructions that linear uses.
#define HWY_WANT_AVX3_DL
#include "ops/machine_peaks.hpp"

#include <sys/mman.h>

#include <hwy/cache_control.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "ops/isa.hpp"
#include "util/clock.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/machine_peaks.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/linear/linear_fixed-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

// The compiler must take the register for changed: a product of constants would leave the loop.
template <class V>
HWY_INLINE void keep(V& v) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  asm volatile("" : "+m"(v));
#elif HWY_ARCH_X86
  asm volatile("" : "+v"(v.raw));
#else
  asm volatile("" : "+w"(v.raw));
#endif
}

// Both multiply pipes of a core times a latency of four or five cycles: ten sums hide it, in 16 registers.
constexpr int kChains = 10;

double read_all(const std::uint8_t* bytes, std::size_t n) {
  const hn::CappedTag<std::uint8_t, 64> d;
  constexpr std::size_t kUnroll = 8;
  const std::size_t lanes = hn::Lanes(d), step = kUnroll * lanes;
  auto sum = hn::Zero(d);
  for (std::size_t i = 0; i + step <= n; i += step) {
    for (std::size_t at = 0; at < step; at += 64) hwy::Prefetch(bytes + i + 1024 + at);
    for (std::size_t j = 0; j < kUnroll; ++j) sum = hn::Xor(sum, hn::LoadU(d, bytes + i + j * lanes));
  }
  keep(sum);
  return static_cast<double>(n);
}

double multiply_fp32(std::int64_t rounds) {
  const hn::CappedTag<float, 16> d;
  using V = hn::Vec<decltype(d)>;
  V sums[kChains];
  std::fill_n(sums, kChains, hn::Set(d, 1.0f));
  const V factor = hn::Set(d, 0.999f), term = hn::Set(d, 1e-3f);
  for (std::int64_t i = 0; i < rounds; ++i) {
    for (V& sum : sums) {
      sum = hn::MulAdd(sum, factor, term);
      keep(sum);
    }
  }
  return 2.0 * kChains * static_cast<double>(hn::Lanes(d) * static_cast<std::size_t>(rounds));
}

#if HWY_TARGET != HWY_SCALAR
// Sums by name: GCC 12 keeps an array of pairs in memory.
template <class... Sums>
HWY_INLINE void multiply_all(hn::Vec<PairTag>& w, hn::Vec<PairTag> x, Sums&... sums) {
  static_assert(sizeof...(sums) == kChains);
  ((keep(w), multiply_pairs(w, x, sums), keep(sums.first)), ...);
}
#endif

double multiply_int16([[maybe_unused]] std::int64_t rounds) {
#if HWY_TARGET == HWY_SCALAR
  return 0;
#else
  const PairSum zero{hn::Zero(FixedTag()), hn::Zero(FixedTag())};
  PairSum a = zero, b = zero, c = zero, d = zero, e = zero, f = zero, g = zero, h = zero, i = zero, j = zero;
  auto w = hn::Set(PairTag(), 3);
  const auto x = hn::Set(PairTag(), -2);
  for (std::int64_t round = 0; round < rounds; ++round) multiply_all(w, x, a, b, c, d, e, f, g, h, i, j);
  return 2.0 * kChains * static_cast<double>(hn::Lanes(PairTag()) * static_cast<std::size_t>(rounds));
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera {
HWY_EXPORT(read_all);
HWY_EXPORT(multiply_fp32);
HWY_EXPORT(multiply_int16);

namespace {

// Four times the last-level cache of large machines per core complex; a multiple of every thread's share.
constexpr std::size_t kBytes = std::size_t{512} << 20, kPage = std::size_t{2} << 20;
constexpr std::int64_t kRounds = 1 << 20;
constexpr int kRepeats = 7;

struct Free {
  void operator()(std::uint8_t* p) const { std::free(p); }
};

// What all threads together do in a second, the best of the repeats. work(begin, end) takes a range of
// `items` and says how much it was.
template <class Work>
double best_rate(std::int64_t items, const Work& work) {
  double best = 0;
  for (int i = 0; i < kRepeats; ++i) {
    std::atomic<double> done{0};
    const Stopwatch clock;
    parallel_for(items, 1, [&](std::int64_t begin, std::int64_t end) { done += work(begin, end); });
    best = std::max(best, done / clock.seconds());
  }
  return best;
}

}  // namespace

MachinePeaks measure_peaks() {
  current_isa();  // honours TESSERA_ISA
  const std::unique_ptr<std::uint8_t, Free> buffer(
      static_cast<std::uint8_t*>(std::aligned_alloc(kPage, kBytes)));
  if (!buffer) throw std::bad_alloc();
  madvise(buffer.get(), kBytes, MADV_HUGEPAGE);
  const auto pages = static_cast<std::int64_t>(kBytes / kPage);
  const auto page = [&](std::int64_t i) { return buffer.get() + static_cast<std::size_t>(i) * kPage; };
  // Each thread writes what it will read: it then lies in the memory of its own node.
  parallel_for(pages, 1, [&](std::int64_t begin, std::int64_t end) {
    std::fill(page(begin), page(end), std::uint8_t{1});
  });
  const ParallelSession awake;
  const std::int64_t threads = num_threads();
  MachinePeaks peaks;
  peaks.read_bytes_s = best_rate(pages, [&](std::int64_t begin, std::int64_t end) {
    return HWY_DYNAMIC_DISPATCH(read_all)(page(begin), static_cast<std::size_t>(end - begin) * kPage);
  });
  peaks.fp32_flop_s = best_rate(
      threads, [](std::int64_t, std::int64_t) { return HWY_DYNAMIC_DISPATCH(multiply_fp32)(kRounds); });
  peaks.int16_op_s = best_rate(
      threads, [](std::int64_t, std::int64_t) { return HWY_DYNAMIC_DISPATCH(multiply_int16)(kRounds); });
  return peaks;
}

}  // namespace tessera
#endif
