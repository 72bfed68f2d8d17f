// Up to four rows against a block-float strip, weights straight from memory: a decode step of few users,
// which is bound by the bytes of the weights. Included once per instruction set.
#if defined(TESSERA_LINEAR_FEW_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_LINEAR_FEW_INL
#undef TESSERA_LINEAR_FEW_INL
#else
#define TESSERA_LINEAR_FEW_INL
#endif

#include <hwy/cache_control.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "ops/linear/linear_bytes-inl.hpp"
#include "ops/linear/linear_pairs-inl.hpp"
#include "ops/linear/linear_rows.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

// Bytes that a line of weights is asked for before its turn. Two cores of a Zen 5 with one row of bfloat8_b
// read 46 GB/s without, 48 at 2 KiB, 57 at 4 KiB, 50 at 8 KiB: the hardware stops at each page.
constexpr std::int64_t kAhead = 4096;

// codes times a block's steps, for each of its groups: [2][32]. Steps of at most 4 leave 16 bits.
HWY_INLINE void scale_codes(const BlockView& block, const std::int16_t* codes, std::int16_t* scaled) {
  const hn::CappedTag<std::int16_t, 32> d16;
  const hn::Rebind<std::uint8_t, decltype(d16)> d8;
  for (std::size_t i = 0; i < kBlockRows; i += hn::Lanes(d16)) {
    const auto code = hn::LoadU(d16, codes + i);
    for (std::size_t g = 0; g < 2 * kBlockRows; g += kBlockRows) {
      const auto steps = hn::PromoteTo(d16, hn::LoadU(d8, block.steps + g + i));
      hn::Store(hn::Mul(code, steps), d16, scaled + g + i);
    }
  }
}

// The bases of the strip behind this one: at its end, far from what its first block asks for ahead. A miss on
// them at every strip was a seventh of the time of one row of K = 576.
HWY_INLINE void ask_next_bases(const BlockStrip& layout, const std::byte* strip) {
  for (std::int64_t at = layout.bases; at < layout.bytes; at += 64) hwy::Prefetch(strip + layout.bytes + at);
}

// A narrow block by products of bytes, where that is faster; false when it is not to be had.
template <class Octet, int R>
HWY_INLINE bool in_bytes([[maybe_unused]] const BlockView& block, [[maybe_unused]] const std::int16_t* codes,
                         [[maybe_unused]] PairSum (&acc)[R][kFixedVecs]) {
#if HWY_TARGET == HWY_AVX3_DL
  if constexpr (Octet::kDtype == DataType::BFLOAT4_B)
    return multiply_bytes(block, codes, FixedRows::kRowCodes, acc);
#endif
  return false;
}

template <class Octet, int R>
void few_rows(const std::byte* strip, std::int64_t k, const FixedRows& x, float* sums) {
  const BlockStrip layout(Octet::kDtype, k);
  constexpr std::int64_t kStride = FixedRows::kRowCodes;
  ask_next_bases(layout, strip);
  const hn::CappedTag<float, 16> d;
  hn::Vec<decltype(d)> total_of[R][kFixedVecs];
  for (auto& row : total_of) std::fill_n(row, kFixedVecs, hn::Zero(d));
  for (std::int64_t b = 0; b < layout.blocks; ++b) {
    for (std::int64_t at = 0; at < layout.block_bytes; at += 64) {
      hwy::Prefetch(strip + b * layout.block_bytes + kAhead + at);
    }
    const BlockView block(layout, strip, b);
    const std::int16_t* codes = x.codes_at(0, b);
    PairSum acc[R][kFixedVecs];
    for (auto& row : acc) std::fill_n(row, kFixedVecs, PairSum{hn::Zero(FixedTag()), hn::Zero(FixedTag())});
    if (HWY_UNLIKELY(!block.is_narrow())) {
      const BlockFactors factors(block, Octet::kFactorShift);
      for_each_pair<Octet>(block, [&](std::int64_t p, auto v, const Octet& rows, auto j) HWY_ATTR {
        const auto w = rows.template pair<j>(both(factors.at + group_of(v) * kBlockRows + p * 2));
        for (int r = 0; r < R; ++r) multiply_pair_at(w, codes + r * kStride + p * 2, acc[r][v]);
      });
    } else if (!in_bytes<Octet>(block, codes, acc)) {
      // Steps go to the codes, 32 of a row and group at once, in place of the weights.
      HWY_ALIGN std::int16_t scaled[R][2 * kBlockRows];
      for (int r = 0; r < R; ++r) scale_codes(block, codes + r * kStride, scaled[r]);
      for_each_pair<Octet>(block, [&](std::int64_t p, auto v, const Octet& rows, auto j) HWY_ATTR {
        const auto w = rows.template mantissas<j>();
        for (int r = 0; r < R; ++r) {
          multiply_pair_at(w, scaled[r] + group_of(v) * kBlockRows + p * 2, acc[r][v]);
        }
      });
    }
    for (int r = 0; r < R; ++r) {
      const auto scale = hn::Set(d, x.scales[x.at(r, b)]);
      for (std::size_t v = 0; v < kFixedVecs; ++v) {
        const auto unit = hn::Mul(scale, hn::Set(d, block.units[group_of(v)]));
        total_of[r][v] = hn::MulAdd(total(acc[r][v]), unit, total_of[r][v]);
      }
    }
    if (HWY_UNLIKELY(block.any_wide())) {
      for (int r = 0; r < R; ++r) {
        HWY_ALIGN float row[kStrip];
        for (std::size_t v = 0; v < kFixedVecs; ++v) hn::Store(total_of[r][v], d, row + v * kFixedLanes);
        add_wide<Octet::kDtype>(block, codes + r * kStride, x.scales[x.at(r, b)], row);
        for (std::size_t v = 0; v < kFixedVecs; ++v) total_of[r][v] = hn::Load(d, row + v * kFixedLanes);
      }
    }
  }
  for (int r = 0; r < R; ++r) {
    for (std::size_t v = 0; v < kFixedVecs; ++v) {
      hn::StoreU(total_of[r][v], d, sums + r * kStrip + v * kFixedLanes);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif
