// Five rows and more against a block-float strip: blocks are decoded once into a panel for all rows. Included
// once per instruction set.
#if defined(TESSERA_LINEAR_PANELS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_LINEAR_PANELS_INL
#undef TESSERA_LINEAR_PANELS_INL
#else
#define TESSERA_LINEAR_PANELS_INL
#endif

#include <hwy/cache_control.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "ops/linear/linear_pairs-inl.hpp"
#include "ops/linear/linear_rows.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

// A tile's integers stay in registers for a block: 6 x 2 vectors of 32 on AVX-512, 3 x 4 of 16 on AVX2. The
// former has room for the tile's floats too, for a whole panel.
constexpr bool kSumsStay = kFixedLanes >= 16;
constexpr int kTileRows = kFixedLanes >= 16 ? 6 : kFixedLanes >= 8 ? 3 : 1;
constexpr std::size_t kTileVecs = kFixedLanes >= 16 ? 2 : kFixedVecs;
// Pairs of k in a turn of the innermost loop: two are 2 % faster on AVX-512, and 10 % slower on AVX2, where
// GCC 12 then keeps a sum in memory.
constexpr std::int64_t kPairsAtOnce = kFixedLanes >= 16 ? 2 : 1;

// `n` decoded blocks: pairs [n][16][32][2], units [n][2].
struct Panel {
  HWY_ALIGN std::int16_t pairs[kPanelBlocks * kBlockRows * kStrip];
  HWY_ALIGN float units[kPanelBlocks * 2];
  std::int64_t n = 0;
};

// The bytes of the next panel's blocks, asked for a few lines at a time while this panel is multiplied. The
// hardware would wait with them, and all at once they wait for each other: 6 to 10 % of 32 rows on Skylake.
class NextBlocks {
 public:
  NextBlocks(const std::byte* begin, std::int64_t bytes, std::int64_t turns)
      : at_(begin), end_(begin + bytes), step_((bytes / kLine + turns) / turns * kLine) {}

  HWY_INLINE void ask() {
    if (at_ >= end_) return;
    for (std::int64_t i = 0; i < step_; i += kLine) hwy::Prefetch(at_ + i);
    at_ += step_;
  }

 private:
  static constexpr std::int64_t kLine = 64;
  const std::byte* at_;
  const std::byte* end_;
  std::int64_t step_;
};

// The unit of each block and group for a row: its scale there times the block's.
HWY_INLINE void row_units(const Panel& panel, const float* scales, float* units) {
  const hn::CappedTag<float, 4> d;
  const std::int64_t lanes = hn::Lanes(d);
  std::int64_t b = 0;
  for (; b + lanes <= panel.n; b += lanes) {
    const auto scale = hn::LoadU(d, scales + b);
    const float* of_groups = panel.units + b * 2;
    hn::Store(hn::Mul(hn::InterleaveLower(d, scale, scale), hn::Load(d, of_groups)), d, units + b * 2);
    hn::Store(hn::Mul(hn::InterleaveUpper(d, scale, scale), hn::Load(d, of_groups + lanes)), d,
              units + b * 2 + lanes);
  }
  for (; b < panel.n; ++b) {
    units[b * 2] = scales[b] * panel.units[b * 2];
    units[b * 2 + 1] = scales[b] * panel.units[b * 2 + 1];
  }
}

// Adds a pair of k: R rows of codes times the tile's vectors of weights.
template <int R>
HWY_INLINE void multiply_tile(const std::int16_t* w, const std::int16_t* codes,
                              PairSum (&sums)[R][kTileVecs]) {
#if HWY_TARGET == HWY_AVX2
  for (int r = 0; r < R; ++r) {
    const auto code = both(codes + r * FixedRows::kRowCodes);
    for (std::size_t v = 0; v < kTileVecs; ++v) multiply_pairs_at(w + v * kFixedLanes * 2, code, sums[r][v]);
  }
#else
  hn::Vec<PairTag> vectors[kTileVecs];
  HWY_UNROLL(8)
  for (std::size_t v = 0; v < kTileVecs; ++v) vectors[v] = hn::Load(PairTag(), w + v * kFixedLanes * 2);
  HWY_UNROLL(8)
  for (int r = 0; r < R; ++r) {
    const auto code = both(codes + r * FixedRows::kRowCodes);
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < kTileVecs; ++v) multiply_pairs(vectors[v], code, sums[r][v]);
  }
#endif
}

// Adds R rows times the tile's columns, from vector `first`, to sums [R][32]. `x_codes`, `x_scales`: of the
// panel's first block and the first row.
template <int R>
HWY_INLINE void add_tile(const Panel& panel, std::size_t first, const std::int16_t* x_codes,
                         const float* x_scales, float* sums, NextBlocks& next) {
  const hn::CappedTag<float, 16> d;
  const auto place = [&](int r, std::size_t v) { return sums + r * kStrip + (first + v) * kFixedLanes; };
  HWY_ALIGN float units[R][kPanelBlocks * 2];
  hn::Vec<decltype(d)> sum[kSumsStay ? R : 1][kTileVecs];
  HWY_UNROLL(8)
  for (int r = 0; r < R; ++r) {
    row_units(panel, x_scales + r * kPanelBlocks, units[r]);
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < kTileVecs && kSumsStay; ++v) sum[r][v] = hn::LoadU(d, place(r, v));
  }
  for (std::int64_t b = 0; b < panel.n; ++b) {
    PairSum acc[R][kTileVecs];
    HWY_UNROLL(8)
    for (auto& row : acc) std::fill_n(row, kTileVecs, PairSum{hn::Zero(FixedTag()), hn::Zero(FixedTag())});
    const std::int16_t* pairs = panel.pairs + (b * kPairs * kStrip + first * kFixedLanes) * 2;
    const std::int16_t* codes = x_codes + b * kBlockRows;
    next.ask();
    // A line of each row of the next tile: the codes of 512 rows come from beyond the second cache.
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) hwy::Prefetch(codes + (R + r) * FixedRows::kRowCodes);
    for (std::int64_t p = 0; p < kPairs; p += kPairsAtOnce) {
      HWY_UNROLL(8)
      for (std::int64_t i = p; i < p + kPairsAtOnce; ++i) {
        multiply_tile<R>(pairs + i * kStrip * 2, codes + i * 2, acc);
      }
    }
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) {
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < kTileVecs; ++v) {
        const auto unit = hn::Set(d, units[r][b * 2 + group_of(first + v)]);
        if constexpr (kSumsStay) {
          sum[r][v] = hn::MulAdd(total(acc[r][v]), unit, sum[r][v]);
        } else {
          hn::StoreU(hn::MulAdd(total(acc[r][v]), unit, hn::LoadU(d, place(r, v))), d, place(r, v));
        }
      }
    }
  }
  HWY_UNROLL(8)
  for (int r = 0; r < R; ++r) {
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < kTileVecs && kSumsStay; ++v) hn::StoreU(sum[r][v], d, place(r, v));
  }
}

// The same for `rows` rows, 1 to kTileRows.
template <int R = kTileRows>
HWY_INLINE void add_rows(const Panel& panel, std::int64_t rows, const std::int16_t* codes,
                         const float* scales, float* sums, NextBlocks& next) {
  if constexpr (R > 1) {
    if (rows < R) return add_rows<R - 1>(panel, rows, codes, scales, sums, next);
  }
  for (std::size_t v = 0; v < kFixedVecs; v += kTileVecs) add_tile<R>(panel, v, codes, scales, sums, next);
}

// Decodes blocks from `first` on, to the end of a panel of x. A wide block ends its panel before that, so
// that its float32 part is added in the order of blocks; says whether one did.
template <class Octet>
HWY_INLINE bool decode_panel_of(const BlockStrip& layout, const std::byte* strip, std::int64_t first,
                                Panel& panel) {
  bool wide = false;
  const std::int64_t end = std::min((first / kPanelBlocks + 1) * kPanelBlocks, layout.blocks);
  for (panel.n = 0; first + panel.n < end && !wide; ++panel.n) {
    const BlockView block(layout, strip, first + panel.n);
    const BlockFactors factors(block, Octet::kFactorShift);
    wide = block.any_wide();
    std::copy_n(block.units, 2, panel.units + panel.n * 2);
    std::int16_t* pairs = panel.pairs + panel.n * kPairs * kStrip * 2;
    for_each_pair<Octet>(block, [&](std::int64_t p, auto v, const Octet& rows, auto j) HWY_ATTR {
      const auto factor = both(factors.at + group_of(v) * kBlockRows + p * 2);
      hn::Store(rows.template pair<j>(factor), PairTag(), pairs + (p * kStrip + v * kFixedLanes) * 2);
    });
  }
  return wide;
}

template <class Octet>
void many_rows(const std::byte* strip, std::int64_t k, const FixedRows& x, std::int64_t m, float* sums) {
  const BlockStrip layout(Octet::kDtype, k);
  // Tiles of nearly the same size: 32 rows are 6 6 5 5 5 5, not five of 6 and one of 2.
  const std::int64_t tiles = (m + kTileRows - 1) / kTileRows;
  const std::int64_t least = m / tiles, longer = m % tiles;
  Panel panel;
  std::fill_n(sums, m * kStrip, 0.0f);
  for (std::int64_t first = 0; first < layout.blocks; first += panel.n) {
    const bool wide = decode_panel_of<Octet>(layout, strip, first, panel);
    NextBlocks next(strip + (first + panel.n) * layout.block_bytes, kPanelBlocks * layout.block_bytes,
                    tiles * panel.n);
    for (std::int64_t t = 0, r = 0; t < tiles; ++t) {
      const std::int64_t rows = least + (t < longer ? 1 : 0);
      add_rows(panel, rows, x.codes_at(r, first), x.scales + x.at(r, first), sums + r * kStrip, next);
      r += rows;
    }
    if (HWY_LIKELY(!wide)) continue;
    const std::int64_t last = first + panel.n - 1;
    const BlockView block(layout, strip, last);
    for (std::int64_t r = 0; r < m; ++r) {
      add_wide<Octet::kDtype>(block, x.codes_at(r, last), x.scales[x.at(r, last)], sums + r * kStrip);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif
