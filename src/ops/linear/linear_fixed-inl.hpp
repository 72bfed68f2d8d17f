// Block-float weights: x @ strip in block fixed point. See linear_fast.cpp. Included once per instruction
// set.
//
// 32 activations of a row share a scale and become integers up to 8192, by a power of two (error at most
// 2^-13 of the largest of the 32; bfloat16 rounds each to 2^-9). Weights are integers as they are: mantissa
// << step, 14 bits. 32 products sum exactly in 32 bits, and one FMA carries a block's sum into float32.
// Integers multiply at twice the rate of float32 (2 k an instruction), and exact sums have no order: blocks
// alone decide the bits, not the number of rows and not the instruction set.
#if defined(TESSERA_LINEAR_FIXED_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_LINEAR_FIXED_INL
#undef TESSERA_LINEAR_FIXED_INL
#else
#define TESSERA_LINEAR_FIXED_INL
#endif

#include <hwy/cache_control.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "device/block_strips.hpp"
#include "device/form.hpp"
#include "ops/linear/linear_rows.hpp"
#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

// The largest of 32 becomes 4096 to 8192.
constexpr std::uint32_t kCodeBits = 12;

/// One block of up to 32 values. A block with NaN or infinity gets the scale NaN; one below 2^-100 is zero.
HWY_INLINE void quantize_block(const float* x, std::int16_t* codes, float* scale) {
  const hn::CappedTag<float, 16> d;
  const hn::RebindToSigned<decltype(d)> d32;
  const hn::Rebind<std::int16_t, decltype(d)> d16;
  const std::size_t lanes = hn::Lanes(d);
  // As integers, magnitudes are ordered as floats are, and NaN lies above infinity.
  auto most = hn::Zero(d32);
  for (std::size_t i = 0; i < kBlockRows; i += lanes) {
    most = hn::Max(most, hn::BitCast(d32, hn::Abs(hn::LoadU(d, x + i))));
  }
  const float largest = std::bit_cast<float>(hn::GetLane(hn::MaxOfLanes(d32, most)));
  const bool finite = largest < std::numeric_limits<float>::infinity();
  const bool zero = largest < 0x1p-100f;
  if (!finite || zero) {
    std::fill_n(codes, kBlockRows, std::int16_t{0});
    *scale = zero ? 0.0f : std::numeric_limits<float>::quiet_NaN();
    return;
  }
  const auto exponent = std::bit_cast<std::uint32_t>(largest) >> 23;
  *scale = std::bit_cast<float>((exponent - kCodeBits) << 23);
  const auto inverse = hn::Set(d, std::bit_cast<float>((254 + kCodeBits - exponent) << 23));
  for (std::size_t i = 0; i < kBlockRows; i += lanes) {
    hn::StoreU(hn::DemoteTo(d16, hn::NearestInt(hn::Mul(hn::LoadU(d, x + i), inverse))), d16, codes + i);
  }
}

template <class X>
void quantize_row(const X* x, std::int64_t k, std::int16_t* codes, float* scales) {
  HWY_ALIGN float block[kBlockRows];
  for (std::int64_t i = 0; i < k; i += kBlockRows) {
    const std::int64_t n = std::min(kBlockRows, k - i);
    std::fill(block + n, block + kBlockRows, 0.0f);
    for_lanes(static_cast<std::size_t>(n), [&](auto d, std::size_t j) {
      hn::StoreU(load_f32(d, x + static_cast<std::size_t>(i) + j), d, block + j);
    });
    quantize_block(block, codes + i, scales++);
  }
}

// A block of a strip, ready to multiply.
struct BlockView {
  const std::byte* mantissas;
  const std::uint8_t* steps;  // [2][32]
  bool wide[2];
  float units[2];  // 2^(base - 127); 0 in a wide block, whose integers do not count
  HWY_ALIGN std::int16_t factors[2 * kBlockRows];  // steps << shift

  BlockView(const BlockStrip& layout, const std::byte* strip, std::int64_t index, int shift = 0)
      : mantissas(strip + index * layout.block_bytes),
        steps(reinterpret_cast<const std::uint8_t*>(mantissas + layout.steps)) {
    for (std::int64_t g = 0; g < 2; ++g) {
      const auto base = std::to_integer<std::uint32_t>(strip[layout.bases + index * 2 + g]);
      wide[g] = base == 0;
      units[g] = std::bit_cast<float>(base << 23);
    }
    const hn::CappedTag<std::int16_t, 32> d16;
    const hn::Rebind<std::uint8_t, decltype(d16)> d8;
    for (std::size_t i = 0; i < 2 * kBlockRows; i += hn::Lanes(d16)) {
      hn::Store(hn::ShiftLeftSame(hn::PromoteTo(d16, hn::LoadU(d8, steps + i)), shift), d16, factors + i);
    }
  }

  bool any_wide() const { return wide[0] || wide[1]; }
};

// A wide group in float32, product by product: rare (none in SmolLM2), so plain.
template <DataType kDtype>
HWY_NOINLINE void add_wide(const BlockView& block, const std::int16_t* codes, float scale, float* sums) {
  for (std::size_t c = 0; c < kStrip; ++c) {
    if (!block.wide[c / kGroup]) continue;
    float sum = 0;
    for (std::size_t k = 0; k < kBlockRows; ++k) {
      const auto exponent = static_cast<std::uint32_t>(block.steps[c / kGroup * kBlockRows + k]);
      const auto product = static_cast<float>(block_mantissa(kDtype, block.mantissas, k, c) * codes[k]);
      sum += product * std::bit_cast<float>(exponent << 23);
    }
    sums[c] += sum * scale;
  }
}

#if HWY_TARGET == HWY_SCALAR

// The plain twin: the same sums, one product at a time.
template <DataType kDtype>
void fixed_rows(const std::byte* strip, std::int64_t k, const FixedRows& x, std::int64_t m, float* sums) {
  const BlockStrip layout(kDtype, k);
  std::fill_n(sums, m * kStrip, 0.0f);
  for (std::int64_t b = 0; b < layout.blocks; ++b) {
    const BlockView block(layout, strip, b);
    int weights[kStrip][kBlockRows];
    for (std::size_t c = 0; c < kStrip; ++c) {
      const std::size_t group = c / kGroup;
      for (std::size_t i = 0; i < kBlockRows; ++i) {
        weights[c][i] = block.wide[group] ? 0
                                          : block_mantissa(kDtype, block.mantissas, i, c) *
                                                block.factors[group * kBlockRows + i];
      }
    }
    for (std::int64_t r = 0; r < m; ++r) {
      const std::int16_t* codes = x.codes + (r * x.blocks + b) * kBlockRows;
      const float scale = x.scales[r * x.blocks + b];
      for (std::size_t c = 0; c < kStrip; ++c) {
        int sum = 0;
        for (std::size_t i = 0; i < kBlockRows; ++i) sum += weights[c][i] * codes[i];
        float& out = sums[r * kStrip + static_cast<std::int64_t>(c)];
        out = std::fma(static_cast<float>(sum), scale * block.units[c / kGroup], out);
      }
      if (block.any_wide()) add_wide<kDtype>(block, codes, scale, sums + r * kStrip);
    }
  }
}

#else

using FixedTag = hn::CappedTag<std::int32_t, 16>;         // a vector of columns
using PairTag = hn::Repartition<std::int16_t, FixedTag>;  // (k, k + 1) of each column
constexpr std::size_t kFixedLanes = hn::MaxLanes(FixedTag());
constexpr std::size_t kFixedVecs = kStrip / kFixedLanes;
constexpr std::int64_t kPairs = kBlockRows / 2;

// Sums of products of (k, k + 1) a lane. The second sum is for targets that multiply halves, as NEON does.
struct PairSum {
  hn::Vec<FixedTag> first, second;
};

HWY_INLINE void multiply_pairs(hn::Vec<PairTag> w, hn::Vec<PairTag> x, PairSum& sum) {
#if HWY_TARGET == HWY_AVX3_DL
  // Highway 1.0.3 multiplies and adds in two instructions here, and its target string lacks avx512vnni.
  asm("vpdpwssd %2, %1, %0" : "+v"(sum.first.raw) : "v"(w.raw), "v"(x.raw));
#else
  sum.first = hn::ReorderWidenMulAccumulate(FixedTag(), w, x, sum.first, sum.second);
#endif
}

HWY_INLINE hn::Vec<hn::CappedTag<float, 16> > total(const PairSum& sum) {
  return hn::ConvertTo(hn::CappedTag<float, 16>(), hn::RearrangeToOddPlusEven(sum.first, sum.second));
}

HWY_INLINE hn::Vec<PairTag> both(const std::int16_t* pair) {
  std::int32_t bits;
  std::memcpy(&bits, pair, sizeof bits);
  return hn::BitCast(PairTag(), hn::Set(FixedTag(), bits));
}

// Eight rows of k of a vector of columns, and of these pair j: its mantissas << steps.
struct Bfp8Octet {
  static constexpr DataType kDtype = DataType::BFLOAT8_B;
  static constexpr int kFactorShift = 0;
  const std::int8_t* at;

  HWY_INLINE Bfp8Octet(const std::byte* mantissas, std::int64_t octet, std::size_t v)
      : at(reinterpret_cast<const std::int8_t*>(mantissas) + octet * 256 + v * kFixedLanes * 2) {}
  template <int j>
  HWY_INLINE hn::Vec<PairTag> pair(hn::Vec<PairTag> factor) const {
    return hn::Mul(hn::PromoteTo(PairTag(), hn::LoadU(hn::Rebind<std::int8_t, PairTag>(), at + j * 64)),
                   factor);
  }
};
struct Bfp4Octet {
  static constexpr DataType kDtype = DataType::BFLOAT4_B;
  // A mantissa at the top of 16 bits, times a factor << 4, has the product in the upper half.
  static constexpr int kFactorShift = 4;
  hn::Vec<PairTag> nibbles;

  HWY_INLINE Bfp4Octet(const std::byte* mantissas, std::int64_t octet, std::size_t v)
      : nibbles(hn::BitCast(PairTag(), hn::LoadU(hn::Repartition<std::uint8_t, PairTag>(),
                                                 reinterpret_cast<const std::uint8_t*>(mantissas) +
                                                     octet * 128 + v * kFixedLanes * 4))) {}
  template <int j>
  HWY_INLINE hn::Vec<PairTag> pair(hn::Vec<PairTag> factor) const {
    auto top = hn::ShiftLeft<12 - 4 * j>(nibbles);
    if constexpr (j > 0) top = hn::And(top, hn::Set(PairTag(), static_cast<std::int16_t>(0xF000)));
    return hn::MulHigh(top, factor);
  }
};
constexpr std::int64_t kOctets = kBlockRows / 8;

// Adds R rows of integer sums to the rows of float32 sums, [R][32].
template <int R>
HWY_INLINE void carry(const PairSum (&acc)[R][kFixedVecs], const float* units, const float* scales,
                      std::int64_t stride, float* sums) {
  const hn::CappedTag<float, 16> d;
  for (int r = 0; r < R; ++r) {
    const auto scale = hn::Set(d, scales[r * stride]);
    for (std::size_t v = 0; v < kFixedVecs; ++v) {
      float* sum = sums + r * kStrip + v * kFixedLanes;
      const auto unit = hn::Mul(scale, hn::Set(d, units[v * kFixedLanes / kGroup]));
      hn::StoreU(hn::MulAdd(total(acc[r][v]), unit, hn::LoadU(d, sum)), d, sum);
    }
  }
}

// Calls body(p, v, weights) for every pair of k and vector of columns of a block. v is a constant of its
// type: sums that it indexes must stay in registers, and GCC 12 leaves a loop of this size rolled.
template <class Octet, std::size_t kVec, class Body>
HWY_INLINE void octet_pairs(const BlockView& block, std::int64_t octet, const Body& body) {
  const Octet rows(block.mantissas, octet, kVec);
  const std::int16_t* factors = block.factors + kVec * kFixedLanes / kGroup * kBlockRows + octet * 8;
  constexpr std::integral_constant<std::size_t, kVec> kAt;
  body(octet * 4, kAt, rows.template pair<0>(both(factors)));
  body(octet * 4 + 1, kAt, rows.template pair<1>(both(factors + 2)));
  body(octet * 4 + 2, kAt, rows.template pair<2>(both(factors + 4)));
  body(octet * 4 + 3, kAt, rows.template pair<3>(both(factors + 6)));
  if constexpr (kVec + 1 < kFixedVecs) octet_pairs<Octet, kVec + 1>(block, octet, body);
}
template <class Octet, class Body>
HWY_INLINE void for_each_pair(const BlockView& block, const Body& body) {
  for (std::int64_t octet = 0; octet < kOctets; ++octet) octet_pairs<Octet, 0>(block, octet, body);
}

// R rows, weights straight from memory.
template <class Octet, int R>
void fixed_direct(const std::byte* strip, std::int64_t k, const FixedRows& x, float* sums) {
  const BlockStrip layout(Octet::kDtype, k);
  std::fill_n(sums, R * kStrip, 0.0f);
  for (std::int64_t b = 0; b < layout.blocks; ++b) {
    const BlockView block(layout, strip, b, Octet::kFactorShift);
    const std::int16_t* codes = x.codes + b * kBlockRows;
    const std::int64_t stride = x.blocks * kBlockRows;
    PairSum acc[R][kFixedVecs];
    for (auto& row : acc) std::fill_n(row, kFixedVecs, PairSum{hn::Zero(FixedTag()), hn::Zero(FixedTag())});
    for_each_pair<Octet>(block, [&](std::int64_t p, auto v, hn::Vec<PairTag> w) HWY_ATTR {
      for (int r = 0; r < R; ++r) multiply_pairs(w, both(codes + r * stride + p * 2), acc[r][v]);
    });
    carry<R>(acc, block.units, x.scales + b, x.blocks, sums);
    if (HWY_UNLIKELY(block.any_wide())) {
      for (int r = 0; r < R; ++r) {
        add_wide<Octet::kDtype>(block, codes + r * stride, x.scales[r * x.blocks + b], sums + r * kStrip);
      }
    }
  }
}

// R rows against `n` decoded blocks, [n][16 pairs][32][2].
template <int R>
HWY_INLINE void fixed_panel(const std::int16_t* panel, const float* units, std::int64_t n,
                            const std::int16_t* codes, const float* scales, std::int64_t blocks,
                            float* sums) {
  const PairTag d16;
  for (std::int64_t b = 0; b < n; ++b) {
    PairSum acc[R][kFixedVecs];
    for (auto& row : acc) std::fill_n(row, kFixedVecs, PairSum{hn::Zero(FixedTag()), hn::Zero(FixedTag())});
    for (std::int64_t p = 0; p < kPairs; ++p) {
      const std::int16_t* w = panel + (b * kPairs + p) * kStrip * 2;
      for (std::size_t v = 0; v < kFixedVecs; ++v) {
        const auto weights = hn::Load(d16, w + v * kFixedLanes * 2);
        for (int r = 0; r < R; ++r) {
          multiply_pairs(weights, both(codes + (r * blocks + b) * kBlockRows + p * 2), acc[r][v]);
        }
      }
    }
    carry<R>(acc, units + b * 2, scales + b, blocks, sums);
  }
}

// Blocks of a decoded panel: 8 KiB, a quarter of the smallest L1 data cache that matters.
constexpr std::int64_t kPanelBlocks = 4;
// Rows whose sums stay in registers: 8 x 2 of 32 on AVX-512, 2 x 4 of 16 on AVX2.
constexpr int kFixedRows = kFixedLanes >= 16 ? 8 : kFixedLanes >= 8 ? 2 : 1;

template <class Octet>
void fixed_panels(const std::byte* strip, std::int64_t k, const FixedRows& x, std::int64_t m, float* sums) {
  const BlockStrip layout(Octet::kDtype, k);
  HWY_ALIGN std::int16_t panel[kPanelBlocks * kBlockRows * kStrip];
  float units[kPanelBlocks * 2];
  std::fill_n(sums, m * kStrip, 0.0f);
  for (std::int64_t first = 0, n = 0; first < layout.blocks; first += n) {
    // A wide block ends its panel, so that its float32 part is added in the order of blocks.
    bool wide = false;
    for (n = 0; n < kPanelBlocks && first + n < layout.blocks && !wide; ++n) {
      const BlockView block(layout, strip, first + n, Octet::kFactorShift);
      wide = block.any_wide();
      std::copy_n(block.units, 2, units + n * 2);
      std::int16_t* pairs = panel + n * kPairs * kStrip * 2;
      for_each_pair<Octet>(block, [&](std::int64_t p, auto v, hn::Vec<PairTag> w) HWY_ATTR {
        hn::Store(w, PairTag(), pairs + p * kStrip * 2 + v * kFixedLanes * 2);
      });
    }
    // While these are multiplied, the next ones come: 4 KiB, which the hardware would wait with.
    for (std::int64_t at = 0; at < kPanelBlocks * layout.block_bytes; at += 64) {
      hwy::Prefetch(strip + (first + n) * layout.block_bytes + at);
    }
    const std::int16_t* codes = x.codes + first * kBlockRows;
    const float* scales = x.scales + first;
    const std::int64_t stride = x.blocks;
    std::int64_t r = 0;
    for (; r + kFixedRows <= m; r += kFixedRows) {
      fixed_panel<kFixedRows>(panel, units, n, codes + r * stride * kBlockRows, scales + r * stride, stride,
                              sums + r * kStrip);
    }
    for (; r < m; ++r) {
      fixed_panel<1>(panel, units, n, codes + r * stride * kBlockRows, scales + r * stride, stride,
                     sums + r * kStrip);
    }
    if (HWY_LIKELY(!wide)) continue;
    const BlockView block(layout, strip, first + n - 1);
    for (r = 0; r < m; ++r) {
      const std::int64_t at = r * stride + n - 1;
      add_wide<Octet::kDtype>(block, codes + at * kBlockRows, scales[at], sums + r * kStrip);
    }
  }
}

// sums[m][32] = x @ strip.
template <DataType kDtype>
void fixed_rows(const std::byte* strip, std::int64_t k, const FixedRows& x, std::int64_t m, float* sums) {
  using Octet = std::conditional_t<kDtype == DataType::BFLOAT8_B, Bfp8Octet, Bfp4Octet>;
  switch (m) {
    case 1:
      return fixed_direct<Octet, 1>(strip, k, x, sums);
    case 2:
      return fixed_direct<Octet, 2>(strip, k, x, sums);
    case 3:
      return fixed_direct<Octet, 3>(strip, k, x, sums);
    case 4:
      return fixed_direct<Octet, 4>(strip, k, x, sums);
    default:
      return fixed_panels<Octet>(strip, k, x, m, sums);
  }
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif
