// x @ strip of a block-float weight: the plain twin, and which kernel takes how many rows. Included once per
// instruction set.
#if defined(TESSERA_LINEAR_FIXED_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_LINEAR_FIXED_INL
#undef TESSERA_LINEAR_FIXED_INL
#else
#define TESSERA_LINEAR_FIXED_INL
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "ops/linear/linear_block-inl.hpp"
#include "ops/linear/linear_rows.hpp"
#if HWY_TARGET != HWY_SCALAR
#include "ops/linear/linear_few-inl.hpp"
#include "ops/linear/linear_panels-inl.hpp"
#endif

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR

// The plain twin: the same sums, one product at a time.
template <DataType kDtype>
void fixed_rows(const std::byte* strip, std::int64_t k, const FixedRows& x, std::int64_t m, float* sums) {
  const BlockStrip layout(kDtype, k);
  std::fill_n(sums, m * kStrip, 0.0f);
  for (std::int64_t b = 0; b < layout.blocks; ++b) {
    const BlockView block(layout, strip, b);
    const BlockFactors factors(block);
    int weights[kStrip][kBlockRows];
    for (std::size_t c = 0; c < kStrip; ++c) {
      const std::size_t group = c / kGroup;
      for (std::size_t i = 0; i < kBlockRows; ++i) {
        weights[c][i] = block.wide[group] ? 0
                                          : block_mantissa(kDtype, block.mantissas, i, c) *
                                                factors.at[group * kBlockRows + i];
      }
    }
    for (std::int64_t r = 0; r < m; ++r) {
      const std::int16_t* codes = x.codes_at(r, b);
      const float scale = x.scales[x.at(r, b)];
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

// sums[m][32] = x @ strip.
template <DataType kDtype>
void fixed_rows(const std::byte* strip, std::int64_t k, const FixedRows& x, std::int64_t m, float* sums) {
  using Octet = std::conditional_t<kDtype == DataType::BFLOAT8_B, Bfp8Octet, Bfp4Octet>;
  switch (m) {
    case 1:
      return few_rows<Octet, 1>(strip, k, x, sums);
    case 2:
      return few_rows<Octet, 2>(strip, k, x, sums);
    case 3:
      return few_rows<Octet, 3>(strip, k, x, sums);
    case 4:
      return few_rows<Octet, 4>(strip, k, x, sums);
    default:
      return many_rows<Octet>(strip, k, x, m, sums);
  }
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif
