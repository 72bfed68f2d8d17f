// A lane is an output column. A product of slices has 12 bits and the sum of eight 15, so they are made in
// lanes of 16 bits. A slice of SrcA carries a bit below its last one, which puts the product off the tie,
// away from zero: one rounding multiplication by a power of two then aligns positive and negative products
// alike. The powers depend on the exponents only and serve all phases of a K tile.
#include "wormhole/matmul_fast.hpp"

#include "tensor/tile.hpp"
#include "wormhole/operand.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "wormhole/matmul_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "wormhole/accumulate-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::wormhole {
namespace HWY_NAMESPACE {

constexpr std::size_t kGroups = 4;  // of 8 products in a K tile: two to an MVMUL
constexpr std::size_t kGroupDepth = 8;

// Step 1 takes place in lanes of 16 bits, 32 columns in a vector of AVX-512.
using D16 = hn::CappedTag<std::int16_t, 32>;
using V16 = hn::Vec<D16>;

// 2^(14 - shift), 0 when that is below 1; shift >= 0.
HWY_INLINE V16 power(D16 d, V16 shift) {
  const hn::RebindToUnsigned<D16> du;
  auto count = hn::BitCast(du, shift);
#if !(HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3)  // there a count beyond the width gives 0
  count = hn::Min(count, hn::Set(du, 15));
#endif
  return hn::BitCast(d, hn::Shr(hn::Set(du, 1 << 14), count));
}

// The sums of 8 products in every phase and their exponents, of 32 columns; 0 both when the exponent is not
// positive.
template <std::size_t kPhases>
struct Group {
  alignas(64) std::int16_t exponent[kPhases][32];
  alignas(64) std::int16_t sum[kPhases][32];
};

// Step 1 for the 8 products from k on, the columns of one vector.
template <std::size_t kPhases>
HWY_INLINE void sum_group(D16 d, const ActivationOperand& in0, std::size_t row, const WeightOperand& in1,
                          std::size_t k, std::size_t column, Group<kPhases>& group) {
  V16 exponent[kGroupDepth];
  for (std::size_t i = 0; i < kGroupDepth; ++i) {
    exponent[i] = hn::Add(hn::Load(d, in1.exponent.data() + (k + i) * 32 + column),
                          hn::Set(d, in0.exponent[row * 32 + k + i]));
  }
  V16 most = exponent[0];
  for (std::size_t i = 1; i < kGroupDepth; ++i) most = hn::Max(most, exponent[i]);
  V16 sum[kPhases];
  for (V16& s : sum) s = hn::Zero(d);
  for (std::size_t i = 0; i < kGroupDepth; ++i) {
    const V16 shift = power(d, hn::Sub(most, exponent[i]));
    for (std::size_t phase = 0; phase < kPhases; ++phase) {
      const V16 a = hn::Load(d, in1.slice[phase % 2].data() + (k + i) * 32 + column);
      const V16 b = hn::Set(d, in0.slice[phase / 2][row * 32 + k + i]);
      // 2P, or 2P - 1 for a negative product: off the tie, away from zero. Then * 2^(14 - shift) / 2^15.
      sum[phase] = hn::Add(sum[phase], hn::MulFixedPoint15(hn::MulHigh(a, b), shift));
    }
  }
  const V16 zero = hn::Zero(d);
  for (std::size_t phase = 0; phase < kPhases; ++phase) {
    const V16 own = hn::Add(most, hn::Set(d, static_cast<std::int16_t>(kPhaseExponent[phase])));
    hn::Store(hn::Max(own, zero), d, group.exponent[phase] + column);
    hn::Store(hn::IfThenElseZero(hn::Gt(own, zero), sum[phase]), d, group.sum[phase] + column);
  }
}

template <std::size_t kPhases, DestFormat kFormat>
void multiply_rows(int rows, const ActivationOperand& in0, const WeightOperand& in1, DestRows& dest) {
  const D16 d16;
  const D d;
  const hn::Rebind<std::int16_t, D> half;
  const auto wide = [&](const std::int16_t* from) HWY_ATTR { return hn::PromoteTo(d, hn::Load(half, from)); };
  for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
    Group<kPhases> groups[kGroups];
    for (std::size_t g = 0; g < kGroups; ++g) {
      for (std::size_t column = 0; column < 32; column += hn::Lanes(d16))
        sum_group<kPhases>(d16, in0, row, in1, g * kGroupDepth, column, groups[g]);
    }
    for (std::size_t column = 0; column < 32; column += hn::Lanes(d)) {
      auto* words = reinterpret_cast<std::int32_t*>(dest.data()) + row * 32 + column;
      V word = hn::LoadU(d, words);
      for (std::size_t phase = 0; phase < kPhases; ++phase) {
        for (std::size_t g = 0; g < kGroups; g += 2) {
          const Group<kPhases>&first = groups[g], &second = groups[g + 1];
          word = accumulate<kFormat>(d, word, wide(first.sum[phase] + column),
                                     wide(first.exponent[phase] + column), wide(second.sum[phase] + column),
                                     wide(second.exponent[phase] + column));
        }
      }
      hn::StoreU(word, d, words);
    }
  }
}

template <std::size_t kPhases>
void multiply_format(DestFormat format, int rows, const ActivationOperand& in0, const WeightOperand& in1,
                     DestRows& dest) {
  switch (format) {
    case DestFormat::Bf16:
      return multiply_rows<kPhases, DestFormat::Bf16>(rows, in0, in1, dest);
    case DestFormat::Fp32:
      return multiply_rows<kPhases, DestFormat::Fp32>(rows, in0, in1, dest);
    case DestFormat::Fp16:
      return multiply_rows<kPhases, DestFormat::Fp16>(rows, in0, in1, dest);
  }
}

void multiply_tile(MathFidelity fidelity, DestFormat format, int rows, const ActivationOperand& in0,
                   const WeightOperand& in1, DestRows& dest) {
  switch (fidelity) {
    case MathFidelity::LoFi:
      return multiply_format<1>(format, rows, in0, in1, dest);
    case MathFidelity::HiFi2:
      return multiply_format<2>(format, rows, in0, in1, dest);
    case MathFidelity::HiFi3:
      return multiply_format<3>(format, rows, in0, in1, dest);
    case MathFidelity::HiFi4:
      return multiply_format<4>(format, rows, in0, in1, dest);
  }
}

// A zero operand's exponent is below any that can matter, so its product never raises a group's.
constexpr std::int16_t kZeroExponent = -4096;

// Words of a source register: sign, exponent, and the 11 bits of the significand in `m`; `bias` comes off the
// exponent.
struct Parts {
  V16 sign, exponent, m;
};

// 512 a + 1 of SrcA's slices: times 256 b that is 2^17 (P + b / 512), of which the upper half keeps 2P.
HWY_INLINE void store_weights(D16 d, const Parts& x, std::size_t at, WeightOperand& operand) {
  const V16 one = hn::Set(d, 1);
  const V16 upper = hn::Or(hn::ShiftLeft<9>(hn::ShiftRight<6>(x.m)), one);
  const V16 lower = hn::Or(hn::And(hn::ShiftLeft<8>(x.m), hn::Set(d, 31 << 9)), one);
  hn::Store(x.exponent, d, operand.exponent.data() + at);
  hn::Store(hn::Sub(hn::Xor(upper, x.sign), x.sign), d, operand.slice[0].data() + at);
  hn::Store(hn::Sub(hn::Xor(lower, x.sign), x.sign), d, operand.slice[1].data() + at);
}

// The exponent field, or what stands for a zero.
HWY_INLINE V16 exponent_or_zero(D16 d, V16 field, std::int16_t bias) {
  return hn::IfThenElse(hn::Eq(field, hn::Zero(d)), hn::Set(d, kZeroExponent),
                        hn::Sub(field, hn::Set(d, bias)));
}

// `upper` halves of words, and the three fraction bits below them in `m`'s place.
HWY_INLINE Parts parts_of(D16 d, V16 upper, V16 below, std::int16_t bias) {
  const V16 field = hn::And(hn::ShiftRight<7>(upper), hn::Set(d, 255));
  const V16 m = hn::Or(hn::ShiftLeft<3>(hn::Or(hn::And(upper, hn::Set(d, 127)), hn::Set(d, 128))), below);
  return {hn::BroadcastSignBit(upper), exponent_or_zero(d, field, bias), m};
}

void take_apart_bfloat16(const bf16* in1, std::int32_t bias, WeightOperand& operand) {
  const D16 d;
  const auto* words = reinterpret_cast<const std::int16_t*>(in1);
  for (std::size_t i = 0; i < 1024; i += hn::Lanes(d))
    store_weights(d, parts_of(d, hn::LoadU(d, words + i), hn::Zero(d), static_cast<std::int16_t>(bias)), i,
                  operand);
}

// Calls body(place in [32][32], vectors of 16 words' parts) for the first `rows` rows of a tile.
template <class Body>
HWY_INLINE void for_parts(const Tile& tile, int rows, std::int32_t bias, Body body) {
  const D16 d;
  alignas(64) std::int16_t upper[32], below[32];
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t face = 0; face < 2; ++face) {
      const std::uint32_t* words = tile.data() + index_in_tile(row, face * kFaceSize);
      for (std::int64_t i = 0; i < kFaceSize; ++i) {
        upper[face * kFaceSize + i] = static_cast<std::int16_t>(words[i] >> 16);
        below[face * kFaceSize + i] = static_cast<std::int16_t>((words[i] >> 13) & 7u);
      }
    }
    for (std::size_t i = 0; i < 32; i += hn::Lanes(d)) {
      body(static_cast<std::size_t>(row * kTileSize) + i,
           parts_of(d, hn::Load(d, upper + i), hn::Load(d, below + i), static_cast<std::int16_t>(bias)));
    }
  }
}

void take_apart_weights(const Tile& in1, std::int32_t bias, WeightOperand& operand) {
  const D16 d;
  for_parts(in1, 32, bias,
            [&](std::size_t at, const Parts& x) HWY_ATTR { store_weights(d, x, at, operand); });
}

void take_apart_activations(const Tile& in0, int rows, ActivationOperand& operand) {
  const D16 d;
  for_parts(in0, rows, 0, [&](std::size_t at, const Parts& x) HWY_ATTR {
    const V16 upper = hn::ShiftLeft<8>(hn::ShiftRight<4>(x.m));
    const V16 lower = hn::ShiftLeft<11>(hn::And(x.m, hn::Set(d, 15)));
    hn::Store(x.exponent, d, operand.exponent.data() + at);
    hn::Store(hn::Sub(hn::Xor(upper, x.sign), x.sign), d, operand.slice[0].data() + at);
    hn::Store(hn::Sub(hn::Xor(lower, x.sign), x.sign), d, operand.slice[1].data() + at);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera::wormhole
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera::wormhole {
HWY_EXPORT(multiply_tile);
HWY_EXPORT(take_apart_weights);
HWY_EXPORT(take_apart_bfloat16);
HWY_EXPORT(take_apart_activations);

void prepare_weights(DestFormat format, const Tile& in1, WeightOperand& operand) {
  HWY_DYNAMIC_DISPATCH(take_apart_weights)(in1, exponent_bias(format), operand);
}

void prepare_weights(DestFormat format, std::span<const bf16, 1024> in1, WeightOperand& operand) {
  HWY_DYNAMIC_DISPATCH(take_apart_bfloat16)(in1.data(), exponent_bias(format), operand);
}

void prepare_activations(const Tile& in0, int rows, ActivationOperand& operand) {
  HWY_DYNAMIC_DISPATCH(take_apart_activations)(in0, rows, operand);
}

void matmul_tile_fast(MathFidelity fidelity, DestFormat format, int rows, const ActivationOperand& in0,
                      const WeightOperand& in1, DestRows& dest) {
  HWY_DYNAMIC_DISPATCH(multiply_tile)(fidelity, format, rows, in0, in1, dest);
}

void matmul_tile_fast(MathFidelity fidelity, DestFormat format, const Tile& in0, const Tile& in1,
                      Tile& dest) {
  ActivationOperand activations;
  WeightOperand weights;
  prepare_activations(in0, kTileSize, activations);
  prepare_weights(format, in1, weights);
  DestRows rows;
  for (std::int64_t row = 0; row < kTileSize; ++row) {
    for (std::int64_t column = 0; column < kTileSize; ++column) {
      rows[static_cast<std::size_t>(row * kTileSize + column)] = dest[index_in_tile(row, column)];
    }
  }
  matmul_tile_fast(fidelity, format, kTileSize, activations, weights, rows);
  for (std::int64_t row = 0; row < kTileSize; ++row) {
    for (std::int64_t column = 0; column < kTileSize; ++column) {
      dest[index_in_tile(row, column)] = rows[static_cast<std::size_t>(row * kTileSize + column)];
    }
  }
}

}  // namespace tessera::wormhole
#endif
