// Per-target helpers for the fast kernels. No include guard in the usual sense: Highway includes each kernel
// file once per instruction set, and this file with it.
#if defined(TESSERA_OPS_SIMD_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_OPS_SIMD_INL
#undef TESSERA_OPS_SIMD_INL
#else
#define TESSERA_OPS_SIMD_INL
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "tensor/bfloat16.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Floats from float32 or bfloat16 memory, unaligned.
template <class D>
HWY_INLINE hn::Vec<D> load_f32(D d, const float* p) {
  return hn::LoadU(d, p);
}
template <class D>
HWY_INLINE hn::Vec<D> load_f32(D d, const bf16* p) {
  const hn::Rebind<std::uint16_t, D> d16;
  const hn::RebindToUnsigned<D> d32;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, p))));
}

/// Floats to float32, or to bfloat16 with round to nearest even (NaN stays NaN).
template <class D>
HWY_INLINE void store_f32(hn::Vec<D> v, D d, float* p) {
  hn::StoreU(v, d, p);
}
template <class D>
HWY_INLINE void store_f32(hn::Vec<D> v, D /*d*/, bf16* p) {
  const hn::Rebind<std::uint16_t, D> d16;
  const hn::RebindToUnsigned<D> d32;
  const hn::RebindToSigned<D> di32;
  const auto bits = hn::BitCast(d32, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(d32, 0x7FFFu))));
  const auto nan = hn::RebindMask(d32, hn::IsNaN(v));
  const auto result = hn::IfThenElse(nan, hn::Set(d32, 0x7FC0u), rounded);
  hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di32, result)), d16, p);
}

/// Calls body(d, i) for i over [0, n): whole vectors, then single lanes. For work that is independent per
/// lane.
template <class Body>
HWY_INLINE void for_lanes(std::size_t n, Body body) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) body(d, i);
  const hn::CappedTag<float, 1> one;
  for (; i < n; ++i) body(one, i);
}

/// A sum over [0, n) of term(d, i), in an order that depends on n and the lane count only.
template <class Term>
HWY_INLINE float sum_lanes(std::size_t n, Term term) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d);
  std::size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    sum0 = hn::Add(sum0, term(d, i));
    sum1 = hn::Add(sum1, term(d, i + lanes));
  }
  for (; i + lanes <= n; i += lanes) sum0 = hn::Add(sum0, term(d, i));
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
  const hn::CappedTag<float, 1> one;
  for (; i < n; ++i) sum += hn::GetLane(term(one, i));
  return sum;
}

/// e^x within 2 ulp for x <= 88, 0 below -87 (and for -inf): Cody-Waite reduction by ln 2 in two parts, then
/// a degree-6 Taylor polynomial on |r| <= ln(2)/2, whose remainder is below 2^-26.
template <class D>
HWY_INLINE hn::Vec<D> exp_f32(D d, hn::Vec<D> x) {
  const hn::RebindToSigned<D> di;
  const auto low = hn::Set(d, -87.0f);
  const auto clamped = hn::Min(hn::Max(x, low), hn::Set(d, 88.0f));
  const auto k = hn::Round(hn::Mul(clamped, hn::Set(d, 1.44269504f)));
  auto r = hn::NegMulAdd(k, hn::Set(d, 0.693359375f), clamped);
  r = hn::NegMulAdd(k, hn::Set(d, -2.12194440e-4f), r);
  auto p = hn::Set(d, 1.0f / 720);
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 120));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 24));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 6));
  p = hn::MulAdd(p, r, hn::Set(d, 0.5f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  const auto scale = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(di, k), hn::Set(di, 127))));
  const auto y = hn::IfThenZeroElse(hn::Lt(x, low), hn::Mul(p, scale));
  return hn::IfThenElse(hn::IsNaN(x), x, y);
}

/// x / (1 + e^-x).
template <class D>
HWY_INLINE hn::Vec<D> silu_f32(D d, hn::Vec<D> x) {
  return hn::Div(x, hn::Add(hn::Set(d, 1.0f), exp_f32(d, hn::Neg(x))));
}

/// 1 / (1 + e^-x).
template <class D>
HWY_INLINE hn::Vec<D> sigmoid_f32(D d, hn::Vec<D> x) {
  const auto one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, exp_f32(d, hn::Neg(x))));
}

/// x * Phi(x). erf by Abramowitz and Stegun 7.1.26: absolute error below 1.5e-7.
template <class D>
HWY_INLINE hn::Vec<D> gelu_f32(D d, hn::Vec<D> x) {
  const auto one = hn::Set(d, 1.0f);
  const auto z = hn::Mul(hn::Abs(x), hn::Set(d, 0.70710678f));
  const auto t = hn::Div(one, hn::MulAdd(z, hn::Set(d, 0.3275911f), one));
  auto p = hn::Set(d, 1.061405429f);
  p = hn::MulAdd(p, t, hn::Set(d, -1.453152027f));
  p = hn::MulAdd(p, t, hn::Set(d, 1.421413741f));
  p = hn::MulAdd(p, t, hn::Set(d, -0.284496736f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.254829592f));
  const auto erf = hn::Sub(one, hn::Mul(hn::Mul(p, t), exp_f32(d, hn::Neg(hn::Mul(z, z)))));
  return hn::Mul(hn::Mul(hn::Set(d, 0.5f), x), hn::Add(one, hn::CopySign(erf, x)));
}

/// 0.5 x (1 + tanh(u)) = x / (1 + e^(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3).
template <class D>
HWY_INLINE hn::Vec<D> gelu_tanh_f32(D d, hn::Vec<D> x) {
  const auto cubic = hn::MulAdd(hn::Mul(hn::Mul(x, x), hn::Set(d, 0.044715f)), x, x);
  const auto e = exp_f32(d, hn::Mul(cubic, hn::Set(d, -2 * 0.79788456f)));
  return hn::Div(x, hn::Add(hn::Set(d, 1.0f), e));
}

/// tanh(x) = 2 / (1 + e^(-2x)) - 1: absolute error below 2e-7, which near 0 is not a small relative one.
template <class D>
HWY_INLINE hn::Vec<D> tanh_f32(D d, hn::Vec<D> x) {
  const auto one = hn::Set(d, 1.0f);
  const auto e = exp_f32(d, hn::Mul(x, hn::Set(d, -2.0f)));
  return hn::Sub(hn::Div(hn::Set(d, 2.0f), hn::Add(one, e)), one);
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif
