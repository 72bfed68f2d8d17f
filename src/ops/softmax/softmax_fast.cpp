#include <algorithm>
#include <limits>
#include <vector>

#include "ops/rows.hpp"
#include "ops/softmax/softmax_op.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/softmax/softmax_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

constexpr float kMinusInf = -std::numeric_limits<float>::infinity();

template <class X>
float largest_of(const X* x, std::size_t n) {
  const hn::ScalableTag<float> d;
  auto most = hn::Set(d, kMinusInf);
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    const auto v = load_f32(d, x + i);
    most = hn::IfThenElse(hn::Gt(v, most), v, most);
  }
  float largest = hn::GetLane(hn::MaxOfLanes(d, most));
  for (; i < n; ++i) largest = std::max(largest, hn::GetLane(load_f32(hn::CappedTag<float, 1>(), x + i)));
  return largest;
}

template <class X>
bool any_nan(const X* x, std::size_t n) {
  bool found = false;
  for_lanes(n, [&](auto d, std::size_t i) { found |= !hn::AllFalse(d, hn::IsNaN(load_f32(d, x + i))); });
  return found;
}

// e: scratch for n exponentials, so that a bfloat16 output is rounded once.
template <class X, class Y>
void softmax_row(const X* x, std::size_t n, float* e, Y* y) {
  const float largest = largest_of(x, n);
  if (largest == kMinusInf && !any_nan(x, n)) {
    std::fill_n(y, n, Y{0});
    return;
  }
  const float sum = sum_lanes(n, [&](auto d, std::size_t i) {
    const auto v = exp_f32(d, hn::Sub(load_f32(d, x + i), hn::Set(d, largest)));
    hn::StoreU(v, d, e + i);
    return v;
  });
  const float scale = 1.0f / sum;
  for_lanes(n, [&](auto d, std::size_t i) {
    store_f32(hn::Mul(hn::LoadU(d, e + i), hn::Set(d, scale)), d, y + i);
  });
}

void softmax_rows(const Tensor& x, Tensor& y, std::int64_t begin, std::int64_t end) {
  const std::int64_t n = x.logical_shape()[-1];
  static thread_local std::vector<float> scratch;
  scratch.resize(std::max(scratch.size(), static_cast<std::size_t>(n)));
  with_rows(x, [&](const auto* xs) {
    with_rows(y, [&](auto* ys) {
      for (std::int64_t r = begin; r < end; ++r) {
        softmax_row(xs + r * n, static_cast<std::size_t>(n), scratch.data(), ys + r * n);
      }
    });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera {
HWY_EXPORT(softmax_rows);

void Softmax::run_fast(Inputs in, Outputs out) const {
  const Shape& shape = in[0].logical_shape();
  parallel_for(shape.rows(), row_grain(shape[-1]), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(softmax_rows)(in[0], out[0], begin, end);
  });
}

}  // namespace tessera
#endif
