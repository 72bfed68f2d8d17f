// Block-float weights and the rows they meet, in block fixed point. See linear_fast.cpp. Included once per
// instruction set.
//
// 32 activations of a row share a scale and become integers up to 8191, by a power of two (error at most
// 2^-13 of the largest of the 32; bfloat16 rounds each to 2^-9). Weights are integers as they are: mantissa
// << step, 14 bits. 32 products sum exactly in 32 bits, and one FMA carries a block's sum into float32.
// Integers multiply at twice the rate of float32 (2 k an instruction), and exact sums have no order: blocks
// alone decide the bits, not the number of rows and not the instruction set.
#if defined(TESSERA_LINEAR_BLOCK_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_LINEAR_BLOCK_INL
#undef TESSERA_LINEAR_BLOCK_INL
#else
#define TESSERA_LINEAR_BLOCK_INL
#endif

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "device/block_strips.hpp"
#include "device/form.hpp"
#include "ops/linear/linear_rows.hpp"
#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

// The largest of 32 becomes 4096 to 8191: four times it still fits 16 bits.
constexpr std::uint32_t kCodeBits = 12;
constexpr std::int32_t kLargestCode = 8191;

/// One block of 32 values. A block with NaN or infinity gets the scale NaN; one below 2^-100 is zero.
template <class X>
HWY_INLINE void quantize_block(const X* x, std::int16_t* codes, float* scale) {
  const hn::CappedTag<float, 16> d;
  const hn::RebindToSigned<decltype(d)> d32;
  const hn::Rebind<std::int16_t, decltype(d)> d16;
  const std::size_t lanes = hn::Lanes(d);
  // As integers, magnitudes are ordered as floats are, and NaN lies above infinity.
  auto most = hn::Zero(d32);
  for (std::size_t i = 0; i < kBlockRows; i += lanes) {
    most = hn::Max(most, hn::BitCast(d32, hn::Abs(load_f32(d, x + i))));
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
    const auto code = hn::NearestInt(hn::Mul(load_f32(d, x + i), inverse));
    const auto most_code = hn::Set(d32, kLargestCode);
    hn::StoreU(hn::DemoteTo(d16, hn::Max(hn::Min(code, most_code), hn::Neg(most_code))), d16, codes + i);
  }
}

// Asks for a line that is to be written. After a linear of many rows every core has the codes in its cache,
// and a store waits until the others have given theirs up: a twelfth of a prefill of 512 on two cores of a
// Zen 4.
HWY_INLINE void ask_to_write(const void* line) {
#if HWY_ARCH_X86
  // GCC makes a plain prefetch of its builtin when the target string lacks prfchw.
  asm volatile("prefetchw %0" ::"m"(*static_cast<const char*>(line)));
#else
  __builtin_prefetch(line, 1);
#endif
}

// Row `row` of the buffers that `place` describes.
template <class X>
void quantize_row(const X* x, std::int64_t k, const FixedRows& place, std::int64_t row, std::int16_t* codes,
                  float* scales) {
  // Straight from x: of a copy of a block GCC 12 makes `rep movs`, two thirds of the time on a Zen 4.
  const std::int64_t whole = k / kBlockRows;
  for (std::int64_t b = 0; b < whole; ++b) {
    const std::int64_t at = place.at(row, b), ahead = b + kPanelBlocks;
    const bool same_row = ahead < place.blocks;
    if (same_row || row + 1 < place.rows) {
      ask_to_write(codes +
                   place.at(same_row ? row : row + 1, same_row ? ahead : ahead - place.blocks) * kBlockRows);
    }
    quantize_block(x + b * kBlockRows, codes + at * kBlockRows, scales + at);
  }
  if (whole == place.blocks) return;
  X last[kBlockRows] = {};
  std::copy_n(x + whole * kBlockRows, k - whole * kBlockRows, last);
  const std::int64_t at = place.at(row, whole);
  quantize_block(last, codes + at * kBlockRows, scales + at);
}

// A block of a strip, ready to multiply.
struct BlockView {
  const std::byte* mantissas;
  const std::uint8_t* steps;  // [2][32]
  bool wide[2];
  float units[2];  // 2^(base - 127); 0 in a wide block, whose integers do not count

  BlockView(const BlockStrip& layout, const std::byte* strip, std::int64_t index)
      : mantissas(strip + index * layout.block_bytes),
        steps(reinterpret_cast<const std::uint8_t*>(mantissas + layout.steps)) {
    for (std::int64_t g = 0; g < 2; ++g) {
      const auto base = std::to_integer<std::uint32_t>(strip[layout.bases + index * 2 + g]);
      wide[g] = base == 0;
      units[g] = std::bit_cast<float>(base << 23);
    }
  }

  bool any_wide() const { return wide[0] || wide[1]; }

  /// No step above 4, as in most blocks (83 % of SmolLM2's, 89 % of Qwen2.5-Coder-1.5B's).
  bool is_narrow() const {
    const hn::CappedTag<std::uint8_t, 64> d;
    auto all = hn::Zero(d);
    for (std::size_t i = 0; i < 2 * kBlockRows; i += hn::Lanes(d)) all = hn::Or(all, hn::LoadU(d, steps + i));
    return hn::AllTrue(d, hn::Eq(hn::And(all, hn::Set(d, 0xF8)), hn::Zero(d)));
  }
};

// A block's steps << shift, [2 groups][32].
struct BlockFactors {
  HWY_ALIGN std::int16_t at[2 * kBlockRows];

  explicit BlockFactors(const BlockView& block, int shift = 0) {
    const hn::CappedTag<std::int16_t, 32> d16;
    const hn::Rebind<std::uint8_t, decltype(d16)> d8;
    for (std::size_t i = 0; i < 2 * kBlockRows; i += hn::Lanes(d16)) {
      hn::Store(hn::ShiftLeftSame(hn::PromoteTo(d16, hn::LoadU(d8, block.steps + i)), shift), d16, at + i);
    }
  }
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

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif
