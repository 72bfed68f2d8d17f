// A lane is an output column. Products are kept as signed integers with eight bits below the product's last
// one, not all zero, so that one arithmetic shift rounds positive and negative products alike, half away from
// zero. Alignment shifts depend on the exponents only and serve all phases of a K tile.
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

constexpr int kGroups = 4;  // of 8 products in a K tile: two to an MVMUL
constexpr int kGroupDepth = 8;

// A product of prepared slices: b has its upper 16 bits clear on x86, where one instruction multiplies the
// signed lower halves.
HWY_INLINE V multiply([[maybe_unused]] D d, V a, V b) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  const hn::Repartition<std::int16_t, D> d16;
  V unused = hn::Zero(d);
  return hn::ReorderWidenMulAccumulate(d, hn::BitCast(d16, a), hn::BitCast(d16, b), hn::Zero(d), unused);
#else
  return hn::Mul(a, hn::ShiftRight<16>(hn::ShiftLeft<16>(b)));
#endif
}

template <int kPhases>
struct GroupSums {
  V exponent;  // of phase 0
  V sum[kPhases];
};

// Step 1 for the 8 products from k on, `lanes` columns.
template <int kPhases>
HWY_INLINE GroupSums<kPhases> sum_group(D d, const ActivationOperand& in0, std::size_t row,
                                        const WeightOperand& in1, std::size_t k, std::size_t column) {
  const std::int32_t* HWY_RESTRICT weight_exponent = in1.exponent.data() + k * 32 + column;
  const std::int32_t* HWY_RESTRICT row_exponent = in0.exponent.data() + row * 32 + k;
  const auto exponent_of_product = [&](std::size_t i) HWY_ATTR {
    return hn::Add(hn::Load(d, weight_exponent + i * 32), hn::Set(d, row_exponent[i]));
  };
  GroupSums<kPhases> group;
  V most = exponent_of_product(0);
  for (std::size_t i = 1; i < kGroupDepth; ++i) most = hn::Max(most, exponent_of_product(i));
  for (V& sum : group.sum) sum = hn::Zero(d);
  const V shift_base = hn::Add(most, hn::Set(d, 7));
  for (std::size_t i = 0; i < kGroupDepth; ++i) {
    const V shift = hn::Sub(shift_base, exponent_of_product(i));
    for (std::size_t phase = 0; phase < kPhases; ++phase) {
      const V a = hn::Load(d, in1.slice[phase % 2].data() + (k + i) * 32 + column);
      const V b = hn::Set(d, in0.slice[phase / 2][row * 32 + k + i]);
      group.sum[phase] = hn::Add(group.sum[phase], shift_half_up(d, multiply(d, a, b), shift));
    }
  }
  group.exponent = most;
  return group;
}

template <int kPhases, DestFormat kFormat>
void multiply_rows(int rows, const ActivationOperand& in0, const WeightOperand& in1, DestRows& dest) {
  const D d;
  for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
    for (std::size_t column = 0; column < 32; column += hn::Lanes(d)) {
      GroupSums<kPhases> groups[kGroups];
      for (std::size_t g = 0; g < kGroups; ++g) {
        groups[g] = sum_group<kPhases>(d, in0, row, in1, g * kGroupDepth, column);
      }
      auto* words = reinterpret_cast<std::int32_t*>(dest.data()) + row * 32 + column;
      V word = hn::LoadU(d, words);
      for (std::size_t phase = 0; phase < kPhases; ++phase) {
        const V step = hn::Set(d, kPhaseExponent[phase]);
        for (std::size_t g = 0; g < kGroups; g += 2) {
          word = accumulate<kFormat>(d, word, groups[g].sum[phase], hn::Add(groups[g].exponent, step),
                                     groups[g + 1].sum[phase], hn::Add(groups[g + 1].exponent, step));
        }
      }
      hn::StoreU(word, d, words);
    }
  }
}

template <int kPhases>
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
constexpr std::int32_t kZeroExponent = -4096;

// Calls body(word's place in the tile, first place in [32][32]) for each face row of 16 in the first `rows`.
template <class Body>
HWY_INLINE void for_face_rows(int rows, Body body) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < kTileSize; column += kFaceSize) {
      body(index_in_tile(row, column), static_cast<std::size_t>(row * kTileSize + column));
    }
  }
}

void take_apart_weights(const Tile& in1, std::int32_t bias, WeightOperand& operand) {
  for_face_rows(32, [&](std::size_t from, std::size_t to) HWY_ATTR {
    for (std::size_t i = 0; i < 16; ++i) {
      const std::uint32_t word = in1[from + i];
      const auto e = static_cast<std::int32_t>((word >> 23) & 0xFFu);
      const auto m = static_cast<std::int32_t>(0x400u | (word & 0x7FFFFFu) >> 13);
      const std::int32_t sign = static_cast<std::int32_t>(word) >> 31;
      // 256 a + 1: the product with b is 256 P + b, and 0 < b < 128 puts it off the tie, away from zero.
      const std::int32_t upper = (m >> 6) * 256 + 1, lower = ((m >> 1) & 31) * 256 + 1;
      operand.exponent[to + i] = e == 0 ? kZeroExponent : e - bias;
      operand.slice[0][to + i] = e == 0 ? 0 : (upper ^ sign) - sign;
      operand.slice[1][to + i] = e == 0 ? 0 : (lower ^ sign) - sign;
    }
  });
}

void take_apart_activations(const Tile& in0, int rows, ActivationOperand& operand) {
  for_face_rows(rows, [&](std::size_t from, std::size_t to) HWY_ATTR {
    for (std::size_t i = 0; i < 16; ++i) {
      const std::uint32_t word = in0[from + i];
      const auto e = static_cast<std::int32_t>((word >> 23) & 0xFFu);
      const auto m = static_cast<std::int32_t>(0x400u | (word & 0x7FFFFFu) >> 13);
      const std::int32_t sign = static_cast<std::int32_t>(word) >> 31;
      const std::int32_t upper = m >> 4, lower = (m & 15) << 3;
      operand.exponent[to + i] = e == 0 ? kZeroExponent : e;
      operand.slice[0][to + i] = e == 0 ? 0 : ((upper ^ sign) - sign) & 0xFFFF;
      operand.slice[1][to + i] = e == 0 ? 0 : ((lower ^ sign) - sign) & 0xFFFF;
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera::wormhole
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera::wormhole {
HWY_EXPORT(multiply_tile);
HWY_EXPORT(take_apart_weights);
HWY_EXPORT(take_apart_activations);

void prepare_weights(DestFormat format, const Tile& in1, WeightOperand& operand) {
  HWY_DYNAMIC_DISPATCH(take_apart_weights)(in1, exponent_bias(format), operand);
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
