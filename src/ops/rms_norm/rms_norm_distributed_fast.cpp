#include <cmath>

#include "ops/rms_norm/rms_norm_distributed_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/rms_norm/rms_norm_distributed_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

template <class X>
float sum_of_squares(const X* x, std::size_t dim) {
  return sum_lanes(dim, [&](auto d, std::size_t i) {
    const auto v = load_f32(d, x + i);
    return hn::Mul(v, v);
  });
}

void square_rows(const Tensor& x, Tensor& stats, std::int64_t begin, std::int64_t end) {
  const auto dim = static_cast<std::size_t>(x.logical_shape()[-1]);
  const hn::CappedTag<float, 1> one;
  with_rows(x, [&](const auto* xs) {
    with_rows(stats, [&](auto* to) {
      for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r)
        store_f32(hn::Set(one, sum_of_squares(xs + r * dim, dim)), one, to + r);
    });
  });
}

template <class X, class W, class Y>
void scale_row(const X* x, const W* weight, const W* bias, float scale, std::size_t dim, Y* y) {
  for_lanes(dim, [&](auto d, std::size_t i) {
    auto v = hn::Mul(load_f32(d, x + i), hn::Set(d, scale));
    if (weight != nullptr) v = hn::Mul(v, load_f32(d, weight + i));
    if (bias != nullptr) v = hn::Add(v, load_f32(d, bias + i));
    store_f32(v, d, y + i);
  });
}

void scale_rows(const Tensor& x, const Tensor& weight, const Tensor& bias, const float* scales, Tensor& y,
                std::int64_t begin, std::int64_t end) {
  const auto dim = static_cast<std::size_t>(x.logical_shape()[-1]);
  with_rows(x, [&](const auto* xs) {
    with_vectors(weight, bias, [&](const auto* w, const auto* b) {
      with_rows(y, [&](auto* ys) {
        for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r)
          scale_row(xs + r * dim, w, b, scales[r - static_cast<std::size_t>(begin)], dim, ys + r * dim);
      });
    });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera {
namespace {

float widen(float value) {
  return value;
}
float widen(bf16 value) {
  return bf16_to_float(value);
}

// 1 / sqrt(mean + epsilon) of a row: the chips' sums in their order, the same on every chip.
float row_scale(const Tensor& stats, std::int64_t row, double channels, float epsilon) {
  const std::int64_t chips = stats.logical_shape()[-1];
  float sum = 0;
  with_rows(stats, [&](const auto* of) {
    for (std::int64_t c = 0; c < chips; ++c) sum += widen(of[row * chips + c]);
  });
  return 1.0f / std::sqrt(sum / static_cast<float>(channels) + epsilon);
}

// Rows of a task: their scales stand on its stack.
constexpr std::int64_t kRows = 16;

}  // namespace

HWY_EXPORT(square_rows);
HWY_EXPORT(scale_rows);

void RmsNormPreAllGather::run_fast(Inputs in, Outputs out) const {
  parallel_for(in[0].logical_shape().rows(), kRows, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(square_rows)(in[0], out[0], begin, end);
  });
}

void RmsNormPostAllGather::run_fast(Inputs in, Outputs out) const {
  const auto all = static_cast<double>(channels(in));
  parallel_for(in[0].logical_shape().rows(), kRows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t first = begin; first < end; first += kRows) {
      const std::int64_t last = std::min(end, first + kRows);
      float scales[kRows];
      for (std::int64_t r = first; r < last; ++r) scales[r - first] = row_scale(in[1], r, all, epsilon);
      HWY_DYNAMIC_DISPATCH(scale_rows)(in[0], in[2], in[3], scales, out[0], first, last);
    }
  });
}

}  // namespace tessera
#endif
