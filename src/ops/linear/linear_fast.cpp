// y = x @ W with W in strips of 32 columns. A thread owns whole strips and streams them.
//
// Every output has one accumulator that takes its K products in order, by fused multiply-add, in every path
// below. A block-float weight is mantissa * 2^e, and both x * 2^e and mantissa * 2^e are exact in float32, so
// it does not matter which factor takes the exponent: one row, a few rows and many rows give the same bits.
#include <algorithm>
#include <vector>

#include "ops/linear/linear_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/linear/linear_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/linear/linear_strips-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

// Adds bias, applies the activation and stores `cols` of a strip's 32 sums.
template <class B, class Y>
void finish_row(const float* sums, std::int64_t cols, const B* bias, Activation activation, Y* y) {
  for_lanes(static_cast<std::size_t>(cols), [&](auto d, std::size_t i) {
    auto v = load_f32(d, sums + i);
    if (bias != nullptr) v = hn::Add(v, load_f32(d, bias + i));
    if (activation == Activation::Silu) v = silu_f32(d, v);
    if (activation == Activation::Gelu) v = gelu_f32(d, v);
    store_f32(v, d, y + i);
  });
}

// One strip for all rows. `xs` is x in float32, [m][k]; `sums` is scratch, [m][32].
void linear_strip(const StripView& strip, const float* xs, std::int64_t m, float* sums) {
  if (m <= kDirectRows) {
    direct_rows(strip, xs, m, sums);
  } else {
    panel_rows(strip, xs, m, sums);
  }
}

void linear_strips(const Linear& op, Inputs in, Tensor& y, const float* xs, std::int64_t begin,
                   std::int64_t end) {
  const std::int64_t k = in[1].logical_shape()[-2];
  const std::int64_t n = in[1].logical_shape()[-1];
  const std::int64_t m = in[0].logical_shape().rows();
  std::vector<float>& sums = scratch(static_cast<std::size_t>(m * kStrip));
  for (std::int64_t s = begin; s < end; ++s) {
    linear_strip(strip_view(in[1], k, n, s), xs, m, sums.data());
    const std::int64_t first = s * kStrip;
    const std::int64_t cols = std::min(kStrip, n - first);
    with_vectors(in[2], {}, [&](const auto* bias, const auto*) {
      with_rows(y, [&](auto* out) {
        for (std::int64_t r = 0; r < m; ++r) {
          finish_row(sums.data() + r * kStrip, cols, bias != nullptr ? bias + first : nullptr, op.activation,
                     out + r * n + first);
        }
      });
    });
  }
}

void widen_rows(const bf16* x, std::int64_t begin, std::int64_t end, float* out) {
  for_lanes(static_cast<std::size_t>(end - begin), [&](auto d, std::size_t i) {
    const std::size_t at = static_cast<std::size_t>(begin) + i;
    hn::StoreU(load_f32(d, x + at), d, out + at);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera {
HWY_EXPORT(linear_strips);
HWY_EXPORT(widen_rows);

void Linear::run_fast(Inputs in, Outputs out) const {
  static thread_local std::vector<float> widened;
  const float* xs = nullptr;
  if (in[0].form() == Form::RowsF32) {
    xs = in[0].data<float>();
  } else {
    const std::int64_t size = in[0].logical_shape().volume();
    widened.resize(std::max(widened.size(), static_cast<std::size_t>(size)));
    float* target = widened.data();
    parallel_for(size, 1 << 15, [&](std::int64_t begin, std::int64_t end) {
      HWY_DYNAMIC_DISPATCH(widen_rows)(in[0].data<bf16>(), begin, end, target);
    });
    xs = target;
  }
  const std::int64_t strips = (in[1].logical_shape()[-1] + kStrip - 1) / kStrip;
  parallel_for(strips, 1, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(linear_strips)(*this, in, out[0], xs, begin, end);
  });
}

}  // namespace tessera
#endif
