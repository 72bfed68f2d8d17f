// A heap of the best k so far, its worst on top; whole blocks below that worst are skipped by one comparison
// a vector, which is nearly all of a vocabulary.
#include <algorithm>
#include <limits>
#include <vector>

#include "ops/rows.hpp"
#include "ops/topk/topk_op.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/topk/topk_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/simd-inl.hpp"

#ifndef TESSERA_TOPK_CANDIDATE
#define TESSERA_TOPK_CANDIDATE
namespace tessera {
struct Candidate {
  float key;  // the value; -inf for NaN
  std::int32_t index;
  bool nan;
  bool operator<(const Candidate& other) const {  // "is better than"
    if (key != other.key) return key > other.key;
    if (nan != other.nan) return other.nan;
    return index < other.index;
  }
};
}  // namespace tessera
#endif

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

constexpr std::size_t kBlock = 64;

// Whether any of a block's values is above `worst`. Indices grow, so an equal value never replaces one.
template <class X>
bool any_above(const X* x, float worst) {
  const hn::ScalableTag<float> d;
  auto above = hn::Gt(load_f32(d, x), hn::Set(d, worst));
  for (std::size_t i = hn::Lanes(d); i < kBlock; i += hn::Lanes(d)) {
    above = hn::Or(above, hn::Gt(load_f32(d, x + i), hn::Set(d, worst)));
  }
  return !hn::AllFalse(d, above);
}

template <class X>
Candidate candidate(const X* x, std::size_t i) {
  const float value = hn::GetLane(load_f32(hn::CappedTag<float, 1>(), x + i));
  const bool nan = value != value;
  return {nan ? -std::numeric_limits<float>::infinity() : value, static_cast<std::int32_t>(i), nan};
}

template <class X>
void best_of_row(const X* x, std::size_t n, std::size_t k, std::vector<Candidate>& heap) {
  heap.clear();
  for (std::size_t i = 0; i < k; ++i) heap.push_back(candidate(x, i));
  std::make_heap(heap.begin(), heap.end());
  std::size_t i = k;
  while (i < n) {
    // A NaN at the top gives way to -inf too: the comparison below sees it, any_above does not.
    if (i + kBlock <= n && !heap.front().nan && !any_above(x + i, heap.front().key)) {
      i += kBlock;
      continue;
    }
    for (const std::size_t end = std::min(n, i + kBlock); i < end; ++i) {
      const Candidate next = candidate(x, i);
      if (!(next < heap.front())) continue;
      std::pop_heap(heap.begin(), heap.end());
      heap.back() = next;
      std::push_heap(heap.begin(), heap.end());
    }
  }
  std::sort_heap(heap.begin(), heap.end());
}

void topk_rows(const Tensor& in, std::int64_t k, Outputs out, std::int64_t begin, std::int64_t end) {
  const std::int64_t n = in.logical_shape()[-1];
  std::vector<Candidate> heap;
  with_rows(in, [&](const auto* x) {
    using T = std::remove_cvref_t<decltype(*x)>;
    for (std::int64_t r = begin; r < end; ++r) {
      best_of_row(x + r * n, static_cast<std::size_t>(n), static_cast<std::size_t>(k), heap);
      for (std::int64_t i = 0; i < k; ++i) {
        const std::int32_t index = heap[static_cast<std::size_t>(i)].index;
        out[0].data<T>()[r * k + i] = x[r * n + index];
        out[1].data<std::int32_t>()[r * k + i] = index;
      }
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera {
HWY_EXPORT(topk_rows);

void Topk::run_fast(Inputs in, Outputs out) const {
  const Shape& shape = in[0].logical_shape();
  parallel_for(shape.rows(), row_grain(shape[-1]), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(topk_rows)(in[0], k, out, begin, end);
  });
}

}  // namespace tessera
#endif
