// float32 and bfloat16 weights: x @ strip in float32. See linear_fast.cpp. Included once per instruction set.
#if defined(TESSERA_LINEAR_STRIPS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_LINEAR_STRIPS_INL
#undef TESSERA_LINEAR_STRIPS_INL
#else
#define TESSERA_LINEAR_STRIPS_INL
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "device/tensor.hpp"
#include "ops/rows.hpp"
#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

// 32 columns as vectors: 2 on AVX-512, 4 on AVX2.
using StripTag = hn::CappedTag<float, 16>;
constexpr std::size_t kLanes = hn::MaxLanes(StripTag());
constexpr std::size_t kVecs = kStrip / kLanes;

// Up to so many rows, weights are decoded straight into the multiply; above, a panel is decoded once for all
// rows.
constexpr std::int64_t kDirectRows = 4;
// K rows of a decoded panel: 16 KiB, half of the smallest L1 data cache that matters.
constexpr std::int64_t kPanelK = 128;
// Rows whose sums stay in registers: 8 x 2 of 32 on AVX-512, 3 x 4 of 16 on AVX2 (with 4 left for operands).
constexpr int kRegisterRows = kLanes >= 16 ? 8 : kLanes >= 8 ? 3 : 1;

struct StripView {
  Form form;
  std::int64_t k;
  std::int64_t cols;    // valid columns, for row-major weights
  std::int64_t stride;  // elements between rows of a row-major weight
  const std::byte* values;
};

inline StripView strip_view(const Tensor& weight, std::int64_t k, std::int64_t n, std::int64_t s) {
  const std::byte* base = weight.data<std::byte>();
  const std::int64_t cols = std::min(kStrip, n - s * kStrip);
  switch (weight.form()) {
    case Form::StripsF32:
      return {Form::StripsF32, k, kStrip, kStrip, base + s * k * kStrip * 4};
    case Form::StripsBf16:
      return {Form::StripsBf16, k, kStrip, kStrip, base + s * k * kStrip * 2};
    case Form::RowsBf16:
      return {Form::StripsBf16, k, cols, n, base + s * kStrip * 2};
    default:
      return {Form::StripsF32, k, cols, n, base + s * kStrip * 4};
  }
}

// The sums of m rows of a strip, in a buffer of the calling thread.
inline float* strip_sums(std::int64_t m) {
  static thread_local std::vector<float> buffer;
  return grown(buffer, m * kStrip);
}

// Decoders: column vector v (of kVecs) of row k of a strip, as floats without the shared exponent.
struct F32Columns {
  const float* base;
  std::int64_t stride;
  HWY_INLINE hn::Vec<StripTag> operator()(StripTag d, std::int64_t k, std::size_t v) const {
    return hn::LoadU(d, base + k * stride + static_cast<std::int64_t>(v * kLanes));
  }
};
struct Bf16Columns {
  const bf16* base;
  std::int64_t stride;
  HWY_INLINE hn::Vec<StripTag> operator()(StripTag d, std::int64_t k, std::size_t v) const {
    return load_f32(d, base + k * stride + static_cast<std::int64_t>(v * kLanes));
  }
};
// Calls body(columns) with the decoder of the strip's form.
template <class Body>
HWY_INLINE void with_columns(const StripView& strip, Body body) {
  switch (strip.form) {
    case Form::StripsF32:
      return body(F32Columns{reinterpret_cast<const float*>(strip.values), strip.stride});
    default:
      return body(Bf16Columns{reinterpret_cast<const bf16*>(strip.values), strip.stride});
  }
}

// R rows, weights decoded in registers.
template <int R, class Columns>
void direct_block(const StripView& strip, const Columns& columns, const float* xs, float* sums) {
  const StripTag d;
  hn::Vec<StripTag> acc[R][kVecs];
  for (auto& row : acc) std::fill_n(row, kVecs, hn::Zero(d));
  for (std::int64_t k = 0; k < strip.k; ++k) {
    for (std::size_t v = 0; v < kVecs; ++v) {
      const auto w = columns(d, k, v);
      for (int r = 0; r < R; ++r) acc[r][v] = hn::MulAdd(hn::Set(d, xs[r * strip.k + k]), w, acc[r][v]);
    }
  }
  for (int r = 0; r < R; ++r) {
    for (std::size_t v = 0; v < kVecs; ++v) hn::StoreU(acc[r][v], d, sums + r * kStrip + v * kLanes);
  }
}

// A row-major weight whose last strip is not whole cannot be read 32 wide: it is copied into a whole strip
// first.
inline bool is_partial(const StripView& strip) {
  return strip.cols != kStrip;
}

// Rows [begin, end) of a strip decoded to float32, [end - begin][32].
inline void decode_panel(const StripView& strip, std::int64_t begin, std::int64_t end, float* panel) {
  const StripTag d;
  if (is_partial(strip)) {
    for (std::int64_t k = begin; k < end; ++k, panel += kStrip) {
      for (std::int64_t c = 0; c < kStrip; ++c) {
        const std::int64_t at = k * strip.stride + c;
        panel[c] = c >= strip.cols ? 0.0f
                   : strip.form == Form::StripsBf16
                       ? bf16_to_float(reinterpret_cast<const bf16*>(strip.values)[at])
                       : reinterpret_cast<const float*>(strip.values)[at];
      }
    }
    return;
  }
  with_columns(strip, [&](const auto& columns) {
    for (std::int64_t k = begin; k < end; ++k, panel += kStrip) {
      for (std::size_t v = 0; v < kVecs; ++v) hn::StoreU(columns(d, k, v), d, panel + v * kLanes);
    }
  });
}

// R rows against a decoded panel of n rows.
template <int R>
HWY_INLINE void panel_block(const float* panel, std::int64_t n, const float* xs, std::int64_t stride,
                            float* sums) {
  const StripTag d;
  hn::Vec<StripTag> acc[R][kVecs];
  for (int r = 0; r < R; ++r) {
    for (std::size_t v = 0; v < kVecs; ++v) acc[r][v] = hn::LoadU(d, sums + r * kStrip + v * kLanes);
  }
  for (std::int64_t i = 0; i < n; ++i) {
    hn::Vec<StripTag> w[kVecs];
    for (std::size_t v = 0; v < kVecs; ++v) w[v] = hn::Load(d, panel + i * kStrip + v * kLanes);
    for (int r = 0; r < R; ++r) {
      const auto x = hn::Set(d, xs[r * stride + i]);
      for (std::size_t v = 0; v < kVecs; ++v) acc[r][v] = hn::MulAdd(x, w[v], acc[r][v]);
    }
  }
  for (int r = 0; r < R; ++r) {
    for (std::size_t v = 0; v < kVecs; ++v) hn::StoreU(acc[r][v], d, sums + r * kStrip + v * kLanes);
  }
}

// Any number of rows: sums[m][32] = x @ strip.
inline void panel_rows(const StripView& strip, const float* xs, std::int64_t m, float* sums) {
  HWY_ALIGN float panel[kPanelK * kStrip];
  std::fill_n(sums, m * kStrip, 0.0f);
  for (std::int64_t begin = 0; begin < strip.k; begin += kPanelK) {
    const std::int64_t end = std::min(begin + kPanelK, strip.k);
    decode_panel(strip, begin, end, panel);
    std::int64_t r = 0;
    for (; r + kRegisterRows <= m; r += kRegisterRows) {
      panel_block<kRegisterRows>(panel, end - begin, xs + r * strip.k + begin, strip.k, sums + r * kStrip);
    }
    for (; r < m; ++r)
      panel_block<1>(panel, end - begin, xs + r * strip.k + begin, strip.k, sums + r * kStrip);
  }
}

template <int R>
void direct_rows_of(const StripView& strip, const float* xs, float* sums) {
  with_columns(strip, [&](const auto& columns) { direct_block<R>(strip, columns, xs, sums); });
}

// Up to kDirectRows rows.
inline void direct_rows(const StripView& strip, const float* xs, std::int64_t m, float* sums) {
  if (is_partial(strip)) return panel_rows(strip, xs, m, sums);
  switch (m) {
    case 1:
      return direct_rows_of<1>(strip, xs, sums);
    case 2:
      return direct_rows_of<2>(strip, xs, sums);
    case 3:
      return direct_rows_of<3>(strip, xs, sums);
    default:
      return direct_rows_of<4>(strip, xs, sums);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif
