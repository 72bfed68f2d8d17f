// accumulate() in vectors, one accumulator a lane. Highway includes this once per instruction set.
#if defined(TESSERA_WORMHOLE_ACCUMULATE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_WORMHOLE_ACCUMULATE_INL
#undef TESSERA_WORMHOLE_ACCUMULATE_INL
#else
#define TESSERA_WORMHOLE_ACCUMULATE_INL
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "wormhole/tile.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::wormhole {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<std::int32_t>;
using V = hn::Vec<D>;

/// x / 2^shift, half up (towards +infinity: for a negative x that is half down in magnitude), with 2x given.
/// shift may be any number >= 0.
HWY_INLINE V shift_half_up(D d, V twice, V shift) {
  const V shifted = hn::Shr(twice, hn::Min(shift, hn::Set(d, 31)));
  return hn::ShiftRight<1>(hn::Add(shifted, hn::Set(d, 1)));
}

/// To a multiple of 2^13, half up.
HWY_INLINE V round_to_unit16(D d, V x) {
  return hn::And(hn::Add(x, hn::Set(d, 4096)), hn::Set(d, ~8191));
}

struct Rounded {
  V bits;      // fraction in the low 23 bits
  V exponent;  // of the result, before the range check
};

/// Step 5 by the conversion to float32, which finds the leading one. The sum of one MVMUL is below 2^29.
template <DestFormat kFormat>
HWY_INLINE Rounded normalise(D d, V sum, V exponent) {
  const hn::RebindToFloat<D> df;
  const V magnitude = hn::Abs(sum);
  if constexpr (kFormat == DestFormat::Fp32) {
    // The hardware's bug for -1 puts the leading one 27 places higher than it is.
    const V w = hn::IfThenElse(hn::Eq(sum, hn::Set(d, -1)), hn::Set(d, 1 << 27), magnitude);
    // The conversion rounds ties to even, the hardware up: 4w + 1 has no ties. Below 2^24 nothing is rounded.
    const V wide = hn::VecFromMask(d, hn::Gt(w, hn::Set(d, 0xFFFFFF)));
    const V bits = hn::BitCast(d, hn::ConvertTo(df, hn::Sub(hn::ShiftLeft<2>(w), wide)));
    return {bits, hn::Add(hn::ShiftRight<23>(bits), hn::Sub(exponent, hn::Set(d, 127 + 23 + 2)))};
  } else {
    // A multiple of 2^13 below 2^30 converts exactly; then half up to 8 or 11 bits.
    constexpr int kDropped = kFormat == DestFormat::Bf16 ? 16 : 13;
    const V exact = hn::BitCast(d, hn::ConvertTo(df, magnitude));
    const V bits = hn::And(hn::Add(exact, hn::Set(d, 1 << (kDropped - 1))), hn::Set(d, -(1 << kDropped)));
    return {bits, hn::Add(hn::ShiftRight<23>(bits), hn::Sub(exponent, hn::Set(d, 127 + 23)))};
  }
}

/// Steps 2 to 6. The groups' sums are signed, in units of 2^13; both sum and exponent of a group that is
/// dropped are 0.
template <DestFormat kFormat>
HWY_INLINE V accumulate(D d, V dest, V sum0, V exponent0, V sum1, V exponent1) {
  constexpr bool kNarrow = kFormat != DestFormat::Fp32;
  const V zero = hn::Zero(d);
  const V fraction = hn::Set(d, 0x7FFFFF);
  const V own = hn::And(hn::ShiftRight<23>(dest), hn::Set(d, 255));
  const V significand = hn::Or(hn::And(dest, fraction), hn::Set(d, 0x800000));
  const V held = hn::IfThenElseZero(hn::Gt(own, zero), hn::Add(significand, significand));
  const V exponent = hn::Max(hn::Max(exponent0, exponent1), own);

  V a = shift_half_up(d, hn::ShiftLeft<14>(sum0), hn::Sub(exponent, exponent0));
  V b = shift_half_up(d, hn::ShiftLeft<14>(sum1), hn::Sub(exponent, exponent1));
  V c = shift_half_up(d, held, hn::Sub(exponent, own));
  if constexpr (kNarrow) {
    a = round_to_unit16(d, a);
    b = round_to_unit16(d, b);
    c = round_to_unit16(d, c);
  }
  const V dest_sign = hn::BroadcastSignBit(dest);
  const V sum = hn::Add(hn::Add(a, b), hn::Sub(hn::Xor(c, dest_sign), dest_sign));

  const Rounded result = normalise<kFormat>(d, sum, exponent);
  constexpr int kTop = kFormat == DestFormat::Fp16 ? 32 : 255;
  constexpr int kOverflow = kFormat == DestFormat::Fp16 ? (31 << 23 | 0x3FF << 13) : 255 << 23;
  V word = hn::Or(hn::And(result.bits, fraction), hn::ShiftLeft<23>(result.exponent));
  word = hn::IfThenElse(hn::Gt(result.exponent, hn::Set(d, kTop - 1)), hn::Set(d, kOverflow), word);
  word = hn::Or(word, hn::And(sum, hn::Set(d, static_cast<std::int32_t>(0x80000000u))));
  const auto lives = hn::And(hn::Gt(result.exponent, zero), hn::Ne(sum, zero));
  return hn::IfThenElseZero(lives, word);
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera::wormhole
HWY_AFTER_NAMESPACE();
#endif
