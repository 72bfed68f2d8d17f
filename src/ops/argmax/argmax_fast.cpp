#include <limits>

#include "ops/argmax/argmax_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/argmax/argmax_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

// The largest value first, then the first place that holds it: both passes stream.
template <class X>
std::size_t argmax_row(const X* x, std::size_t n) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> one;
  const std::size_t lanes = hn::Lanes(d);
  const auto lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  auto most = lowest;
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = load_f32(d, x + i);
    most = hn::IfThenElse(hn::Gt(v, most), v, most);  // false for NaN
  }
  float largest = hn::GetLane(hn::MaxOfLanes(d, most));
  for (; i < n; ++i) {
    const float v = hn::GetLane(load_f32(one, x + i));
    if (v > largest) largest = v;
  }
  const auto target = hn::Set(d, largest);
  for (i = 0; i + lanes <= n; i += lanes) {
    const auto found = hn::FindFirstTrue(d, hn::Eq(load_f32(d, x + i), target));
    if (found >= 0) return i + static_cast<std::size_t>(found);
  }
  for (; i < n; ++i) {
    if (hn::GetLane(load_f32(one, x + i)) == largest) return i;
  }
  return 0;  // nothing but NaN
}

void argmax_rows(const Tensor& x, Tensor& out, std::int64_t begin, std::int64_t end) {
  const auto n = static_cast<std::size_t>(x.logical_shape()[-1]);
  with_rows(x, [&](const auto* xs) {
    for (std::int64_t r = begin; r < end; ++r) {
      out.data<std::int32_t>()[r] =
          static_cast<std::int32_t>(argmax_row(xs + static_cast<std::size_t>(r) * n, n));
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera {
HWY_EXPORT(argmax_rows);

void Argmax::run_fast(Inputs in, Outputs out) const {
  const Shape& shape = in[0].logical_shape();
  parallel_for(shape.rows(), row_grain(shape[-1]), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(argmax_rows)(in[0], out[0], begin, end);
  });
}

}  // namespace tessera
#endif
