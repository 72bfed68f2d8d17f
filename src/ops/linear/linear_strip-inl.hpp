// One strip of a weight in any form against prepared rows. Included once per instruction set.
#if defined(TESSERA_LINEAR_STRIP_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_LINEAR_STRIP_INL
#undef TESSERA_LINEAR_STRIP_INL
#else
#define TESSERA_LINEAR_STRIP_INL
#endif

#include "ops/linear/linear_fixed-inl.hpp"
#include "ops/linear/linear_rows.hpp"
#include "ops/linear/linear_strips-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

// m rows against strip s; `sums` [m][32].
inline void linear_strip(const Tensor& weight, std::int64_t s, const PreparedRows& x, std::int64_t m,
                         float* sums) {
  const std::int64_t k = weight.logical_shape()[-2];
  const auto* base = weight.data<std::byte>();
  if (weight.form() == Form::StripsBfp8) {
    const std::byte* strip = base + s * BlockStrip(DataType::BFLOAT8_B, k).bytes;
    fixed_rows<DataType::BFLOAT8_B>(strip, k, x.fixed, m, sums);
  } else if (weight.form() == Form::StripsBfp4) {
    const std::byte* strip = base + s * BlockStrip(DataType::BFLOAT4_B, k).bytes;
    fixed_rows<DataType::BFLOAT4_B>(strip, k, x.fixed, m, sums);
  } else {
    const StripView strip = strip_view(weight, k, weight.logical_shape()[-1], s);
    if (m <= kDirectRows) {
      direct_rows(strip, x.values, m, sums);
    } else {
      panel_rows(strip, x.values, m, sums);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif
