// A row of rms_norm. Included once per instruction set.
#if defined(TESSERA_RMS_NORM_ROW_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_RMS_NORM_ROW_INL
#undef TESSERA_RMS_NORM_ROW_INL
#else
#define TESSERA_RMS_NORM_ROW_INL
#endif

#include <cmath>
#include <cstddef>

#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

template <class X, class W, class Y>
void rms_norm_row(const X* x, const W* weight, const W* bias, float epsilon, std::size_t dim, Y* y) {
  const float sum = sum_lanes(dim, [&](auto d, std::size_t i) {
    const auto v = load_f32(d, x + i);
    return hn::Mul(v, v);
  });
  const float scale = 1.0f / std::sqrt(sum / static_cast<float>(dim) + epsilon);
  for_lanes(dim, [&](auto d, std::size_t i) {
    auto v = hn::Mul(load_f32(d, x + i), hn::Set(d, scale));
    if (weight != nullptr) v = hn::Mul(v, load_f32(d, weight + i));
    if (bias != nullptr) v = hn::Add(v, load_f32(d, bias + i));
    store_f32(v, d, y + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif
