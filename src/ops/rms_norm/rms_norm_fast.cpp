#include "ops/rms_norm/rms_norm_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/rms_norm/rms_norm_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/rms_norm/rms_norm_row-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

void rms_norm_rows(const Tensor& x, const Tensor& weight, const Tensor& bias, float epsilon, Tensor& y,
                   std::int64_t begin, std::int64_t end) {
  const auto dim = static_cast<std::size_t>(x.logical_shape()[-1]);
  with_rows(x, [&](const auto* xs) {
    with_vectors(weight, bias, [&](const auto* w, const auto* b) {
      with_rows(y, [&](auto* ys) {
        for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r) {
          rms_norm_row(xs + r * dim, w, b, epsilon, dim, ys + r * dim);
        }
      });
    });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera {
HWY_EXPORT(rms_norm_rows);

void RmsNorm::run_fast(Inputs in, Outputs out) const {
  parallel_for(in[0].logical_shape().rows(), 16, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(rms_norm_rows)(in[0], in[1], in[2], epsilon, out[0], begin, end);
  });
}

}  // namespace tessera
#endif
