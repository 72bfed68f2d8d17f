// Two strips of weights at a time, and what they give is activated and multiplied while it is in the cache.
// Highway leaves this target out unless asked: see linear_fast.cpp.
#define HWY_WANT_AVX3_DL
#include <algorithm>

#include "ops/fused/fused_op.hpp"
#include "ops/linear/linear_rows.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/fused/gated_linear_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/activation-inl.hpp"
#include "ops/linear/linear_strip-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

// Both products are rounded to the output's type, as linear does.
template <class Y>
void gate_row(const float* gate, const float* up, std::size_t cols, Activation activation, Y* y) {
  Y g[kStrip], u[kStrip];
  for_lanes(cols, [&](auto d, std::size_t i) {
    store_f32(hn::LoadU(d, gate + i), d, g + i);
    store_f32(hn::LoadU(d, up + i), d, u + i);
    store_f32(hn::Mul(activate(d, activation, load_f32(d, g + i)), load_f32(d, u + i)), d, y + i);
  });
}

void gated_strips(const GatedLinear& op, Inputs in, Tensor& y, const PreparedRows& x, std::int64_t begin,
                  std::int64_t end) {
  const std::int64_t n = in[1].logical_shape()[-1];
  const std::int64_t m = in[0].logical_shape().rows();
  float* gate = strip_sums(2 * m);
  float* up = gate + m * kStrip;
  for (std::int64_t s = begin; s < end; ++s) {
    linear_strip(in[1], s, x, m, gate);
    linear_strip(in[2], s, x, m, up);
    const std::int64_t first = s * kStrip;
    const auto cols = static_cast<std::size_t>(std::min(kStrip, n - first));
    with_rows(y, [&](auto* out) {
      for (std::int64_t r = 0; r < m; ++r)
        gate_row(gate + r * kStrip, up + r * kStrip, cols, op.activation, out + r * n + first);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera {
HWY_EXPORT(gated_strips);

void GatedLinear::run_fast(Inputs in, Outputs out) const {
  const PreparedRows x = prepare_rows(in[0], in[1].dtype());
  const std::int64_t strips = (in[1].logical_shape()[-1] + kStrip - 1) / kStrip;
  parallel_for(strips, 1, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(gated_strips)(*this, in, out[0], x, begin, end);
  });
}

}  // namespace tessera
#endif
