// ELWADD, ELWSUB and ELWMUL in vectors: the operands' groups of one product or sum each, accumulated as in a
// matmul.
#include "wormhole/eltwise.hpp"
#include "wormhole/operand.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "wormhole/eltwise_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "wormhole/accumulate-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::wormhole {
namespace HWY_NAMESPACE {

// A source word: the exponent and the 11 bits of the significand.
struct Fields {
  V exponent, significand;
};

HWY_INLINE Fields fields_of(D d, V word) {
  return {hn::And(hn::ShiftRight<23>(word), hn::Set(d, 255)),
          hn::Or(hn::ShiftRight<13>(hn::And(word, hn::Set(d, 0x7FFFFF))), hn::Set(d, 0x400))};
}

// x with the sign of `sign`, a word.
HWY_INLINE V signed_as(V x, V sign) {
  const V s = hn::BroadcastSignBit(sign);
  return hn::Sub(hn::Xor(x, s), s);
}

template <DestFormat kFormat>
HWY_INLINE V product(D d, int phases, V a, V b) {
  const V zero = hn::Zero(d);
  const Fields x = fields_of(d, a), y = fields_of(d, b);
  const auto some = hn::And(hn::Gt(x.exponent, zero), hn::Gt(y.exponent, zero));
  const V base = hn::Sub(hn::Add(x.exponent, y.exponent), hn::Set(d, exponent_bias(kFormat)));
  V dest = zero;
  for (int phase = 0; phase < phases; ++phase) {
    const V left = phase % 2 == 0 ? hn::ShiftRight<6>(x.significand)
                                  : hn::And(hn::ShiftRight<1>(x.significand), hn::Set(d, 31));
    const V right = phase < 2 ? hn::ShiftRight<4>(y.significand)
                              : hn::ShiftLeft<3>(hn::And(y.significand, hn::Set(d, 15)));
    const V exponent = hn::Add(base, hn::Set(d, kPhaseExponent[static_cast<std::size_t>(phase)]));
    const auto live = hn::And(some, hn::Gt(exponent, zero));
    const V sum = hn::IfThenElseZero(live, signed_as(hn::Mul(left, right), hn::Xor(a, b)));
    dest = accumulate<kFormat>(d, dest, sum, hn::IfThenElseZero(live, exponent), zero, zero);
  }
  return dest;
}

// The smaller operand is rounded to the larger one's 11 bits before the addition.
template <DestFormat kFormat>
HWY_INLINE V sum(D d, V a, V b) {
  const V zero = hn::Zero(d), bits = hn::Set(d, 0x7FFFE000);
  // Zeros and denormals are +0, without a significand.
  const auto whole = [&](V word) HWY_ATTR {
    return hn::IfThenElseZero(hn::Gt(hn::And(word, hn::Set(d, 0x7F800000)), zero), word);
  };
  const V x = whole(a), y = whole(b);
  const auto swapped = hn::Gt(hn::And(y, bits), hn::And(x, bits));
  const V more = hn::IfThenElse(swapped, y, x), less = hn::IfThenElse(swapped, x, y);
  const Fields large = fields_of(d, more), small = fields_of(d, less);
  const V rounded = shift_half_up(d, hn::Add(small.significand, small.significand),
                                  hn::Sub(large.exponent, small.exponent));
  const V own = hn::IfThenElseZero(hn::Gt(large.exponent, zero), signed_as(large.significand, more));
  const V other = hn::IfThenElseZero(hn::Gt(small.exponent, zero), signed_as(rounded, less));
  return accumulate<kFormat>(d, zero, hn::Add(own, other), large.exponent, zero, zero);
}

template <DestFormat kFormat>
void run_words(EltwiseOp op, int phases, const std::uint32_t* a, const std::uint32_t* b, std::size_t n,
               std::uint32_t* dest) {
  const D d;
  const auto load = [&](const std::uint32_t* words)
                        HWY_ATTR { return hn::LoadU(d, reinterpret_cast<const std::int32_t*>(words)); };
  const V flip = hn::Set(d, op == EltwiseOp::Subtract ? static_cast<std::int32_t>(0x80000000u) : 0);
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    const V x = load(a + i), y = load(b + i);
    const V word =
        op == EltwiseOp::Multiply ? product<kFormat>(d, phases, x, y) : sum<kFormat>(d, x, hn::Xor(y, flip));
    hn::StoreU(word, d, reinterpret_cast<std::int32_t*>(dest + i));
  }
}

// The words that fill vectors; returns how many.
std::size_t run_row(EltwiseOp op, int phases, DestFormat format, const std::uint32_t* a,
                    const std::uint32_t* b, std::size_t n, std::uint32_t* dest) {
  const std::size_t whole = n / hn::Lanes(D()) * hn::Lanes(D());
  switch (format) {
    case DestFormat::Bf16:
      run_words<DestFormat::Bf16>(op, phases, a, b, whole, dest);
      break;
    case DestFormat::Fp32:
      run_words<DestFormat::Fp32>(op, phases, a, b, whole, dest);
      break;
    case DestFormat::Fp16:
      run_words<DestFormat::Fp16>(op, phases, a, b, whole, dest);
      break;
  }
  return whole;
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera::wormhole
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera::wormhole {
HWY_EXPORT(run_row);

void eltwise_row(EltwiseOp op, MathFidelity fidelity, DestFormat format, std::span<const std::uint32_t> a,
                 std::span<const std::uint32_t> b, std::span<std::uint32_t> dest) {
  std::size_t i = HWY_DYNAMIC_DISPATCH(run_row)(op, fidelity_phases(fidelity), format, a.data(), b.data(),
                                                a.size(), dest.data());
  for (; i < a.size(); ++i) dest[i] = eltwise(op, fidelity, format, a[i], b[i]);
}

}  // namespace tessera::wormhole
#endif
