#include <cmath>

#include "ops/layer_norm/layer_norm_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/layer_norm/layer_norm_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

// The variance is taken about the mean in a second pass: the difference of two large sums would lose it.
template <class X, class W, class Y>
void layer_norm_row(const X* x, const W* weight, const W* bias, float epsilon, std::size_t dim, Y* y) {
  const auto n = static_cast<float>(dim);
  const float mean = sum_lanes(dim, [&](auto d, std::size_t i) { return load_f32(d, x + i); }) / n;
  const float squares = sum_lanes(dim, [&](auto d, std::size_t i) {
    const auto v = hn::Sub(load_f32(d, x + i), hn::Set(d, mean));
    return hn::Mul(v, v);
  });
  const float scale = 1.0f / std::sqrt(squares / n + epsilon);
  for_lanes(dim, [&](auto d, std::size_t i) {
    auto v = hn::Mul(hn::Sub(load_f32(d, x + i), hn::Set(d, mean)), hn::Set(d, scale));
    if (weight != nullptr) v = hn::Mul(v, load_f32(d, weight + i));
    if (bias != nullptr) v = hn::Add(v, load_f32(d, bias + i));
    store_f32(v, d, y + i);
  });
}

void layer_norm_rows(Inputs in, float epsilon, Tensor& y, std::int64_t begin, std::int64_t end) {
  const std::int64_t dim = in[0].logical_shape()[-1];
  with_rows(in[0], [&](const auto* xs) {
    with_vectors(in[1], in[2], [&](const auto* w, const auto* b) {
      with_rows(y, [&](auto* ys) {
        for (std::int64_t r = begin; r < end; ++r) {
          layer_norm_row(xs + r * dim, w, b, epsilon, static_cast<std::size_t>(dim), ys + r * dim);
        }
      });
    });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera {
HWY_EXPORT(layer_norm_rows);

void LayerNorm::run_fast(Inputs in, Outputs out) const {
  const Shape& shape = in[0].logical_shape();
  parallel_for(shape.rows(), row_grain(shape[-1]), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(layer_norm_rows)(in, epsilon, out[0], begin, end);
  });
}

}  // namespace tessera
#endif
