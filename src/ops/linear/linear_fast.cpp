// y = x @ W with W in strips of 32 columns. A thread owns whole strips and streams them.
//
// Every output has one accumulator that takes its terms in an order that depends on K alone, in every path:
// one row, a few rows and many rows give the same bits. For float32 and bfloat16 weights a term is a product,
// by fused multiply-add (linear_strips-inl.hpp); for block-float weights it is the exact sum of 32 products
// of integers (linear_block-inl.hpp).
// Highway leaves this target out unless asked: it has the 16-bit multiply-accumulate of AVX-512 VNNI.
#define HWY_WANT_AVX3_DL
#include <algorithm>
#include <vector>

#include "ops/linear/linear_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/linear/linear_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/activation-inl.hpp"
#include "ops/linear/linear_strip-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

// Adds bias, applies the activation and stores `cols` of a strip's 32 sums.
template <class B, class Y>
void finish_row(const float* sums, std::int64_t cols, const B* bias, Activation activation, Y* y) {
  for_lanes(static_cast<std::size_t>(cols), [&](auto d, std::size_t i) {
    auto v = load_f32(d, sums + i);
    if (bias != nullptr) v = hn::Add(v, load_f32(d, bias + i));
    store_f32(activate(d, activation, v), d, y + i);
  });
}

void linear_strips(const Linear& op, Inputs in, Tensor& y, const PreparedRows& x, std::int64_t begin,
                   std::int64_t end) {
  const std::int64_t n = in[1].logical_shape()[-1];
  const std::int64_t m = in[0].logical_shape().rows();
  float* sums = strip_sums(m);
  for (std::int64_t s = begin; s < end; ++s) {
    linear_strip(in[1], s, x, m, sums);
    const std::int64_t first = s * kStrip;
    const std::int64_t cols = std::min(kStrip, n - first);
    with_vectors(in[2], {}, [&](const auto* bias, const auto*) {
      with_rows(y, [&](auto* out) {
        for (std::int64_t r = 0; r < m; ++r) {
          finish_row(sums + r * kStrip, cols, bias != nullptr ? bias + first : nullptr, op.activation,
                     out + r * n + first);
        }
      });
    });
  }
}

void widen_rows(const bf16* x, std::int64_t begin, std::int64_t end, float* out) {
  for_lanes(static_cast<std::size_t>(end - begin), [&](auto d, std::size_t i) {
    const std::size_t at = static_cast<std::size_t>(begin) + i;
    hn::StoreU(load_f32(d, x + at), d, out + at);
  });
}

void fix_rows(const Tensor& x, std::int64_t begin, std::int64_t end, const FixedRows& place,
              std::int16_t* codes, float* scales) {
  const std::int64_t k = x.logical_shape()[-1];
  with_rows(x, [&](const auto* values) {
    for (std::int64_t r = begin; r < end; ++r) quantize_row(values + r * k, k, place, r, codes, scales);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera {
HWY_EXPORT(linear_strips);
HWY_EXPORT(widen_rows);
HWY_EXPORT(fix_rows);

namespace {

FixedRows fixed_rows(const Tensor& x) {
  static thread_local std::vector<std::int16_t> codes;
  static thread_local std::vector<float> scales;
  const std::int64_t m = x.logical_shape().rows(), k = x.logical_shape()[-1];
  FixedRows rows{.blocks = (k + kBlockRows - 1) / kBlockRows, .rows = m};
  std::int16_t* c = grown(codes, rows.panels() * m * FixedRows::kRowCodes);
  float* s = grown(scales, rows.panels() * m * kPanelBlocks);
  parallel_for(m, row_grain(k), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(fix_rows)(x, begin, end, rows, c, s);
  });
  rows.codes = c;
  rows.scales = s;
  return rows;
}

const float* float_rows(const Tensor& x) {
  if (x.form() == Form::RowsF32) return x.data<float>();
  static thread_local std::vector<float> widened;
  const std::int64_t size = x.logical_shape().volume();
  float* target = grown(widened, size);
  parallel_for(size, 1 << 15, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(widen_rows)(x.data<bf16>(), begin, end, target);
  });
  return target;
}

}  // namespace

PreparedRows prepare_rows(const Tensor& x, DataType weight) {
  PreparedRows rows;
  if (is_block_float(weight)) {
    rows.fixed = fixed_rows(x);
  } else {
    rows.values = float_rows(x);
  }
  return rows;
}

void Linear::run_fast(Inputs in, Outputs out) const {
  const PreparedRows x = prepare_rows(in[0], in[1].dtype());
  const std::int64_t strips = (in[1].logical_shape()[-1] + kStrip - 1) / kStrip;
  parallel_for(strips, 1, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(linear_strips)(*this, in, out[0], x, begin, end);
  });
}

}  // namespace tessera
#endif
