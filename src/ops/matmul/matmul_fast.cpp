// Both operands become row-major float32 first; then every output has one accumulator that takes its products
// in order, so a row gives the same bits whatever rows stand beside it.
#include <algorithm>
#include <vector>

#include "ops/matmul/matmul_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/matmul/matmul_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

// y[j..] += sum over k of a[k] * b[k][j..], four vectors of columns at a time: four chains hide the latency
// of the multiply-add.
template <class Y>
void multiply_row(const float* a, const float* b, std::int64_t k, std::int64_t n, Y* y) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t j = 0;
  for (; j + 4 * lanes <= n; j += 4 * lanes) {
    auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
    for (std::int64_t c = 0; c < k; ++c) {
      const auto factor = hn::Set(d, a[c]);
      const float* row = b + c * n + j;
      s0 = hn::MulAdd(factor, hn::LoadU(d, row), s0);
      s1 = hn::MulAdd(factor, hn::LoadU(d, row + lanes), s1);
      s2 = hn::MulAdd(factor, hn::LoadU(d, row + 2 * lanes), s2);
      s3 = hn::MulAdd(factor, hn::LoadU(d, row + 3 * lanes), s3);
    }
    store_f32(s0, d, y + j);
    store_f32(s1, d, y + j + lanes);
    store_f32(s2, d, y + j + 2 * lanes);
    store_f32(s3, d, y + j + 3 * lanes);
  }
  for_lanes(static_cast<std::size_t>(n - j), [&](auto dv, std::size_t i) {
    auto sum = hn::Zero(dv);
    const float* column = b + j + static_cast<std::int64_t>(i);
    for (std::int64_t c = 0; c < k; ++c)
      sum = hn::MulAdd(hn::Set(dv, a[c]), hn::LoadU(dv, column + c * n), sum);
    store_f32(sum, dv, y + j + static_cast<std::int64_t>(i));
  });
}

void matmul_rows(const MatmulShape& s, const float* a, const float* b, Tensor& out, std::int64_t begin,
                 std::int64_t end) {
  with_rows(out, [&](auto* y) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float* matrix = b + (s.one_b ? 0 : row / s.m * s.k * s.n);
      multiply_row(a + row * s.k, matrix, s.k, s.n, y + row * s.n);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera {
namespace {

// Matrices [rows, cols] of x (stored [cols, rows] when transposed) as row-major float32.
const float* widen(const Tensor& x, bool transposed, std::int64_t rows, std::int64_t cols,
                   std::vector<float>& storage) {
  if (!transposed && x.form() == Form::RowsF32) return x.data<float>();
  const std::int64_t size = x.logical_shape().volume();
  storage.resize(static_cast<std::size_t>(size));
  const bool half = x.form() == Form::RowsBf16;
  parallel_for(size / std::max<std::int64_t>(1, cols), row_grain(cols),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t r = begin; r < end; ++r) {
                   const std::int64_t matrix = r / rows * rows * cols;
                   const std::int64_t first = transposed ? matrix + r % rows : r * cols;
                   const std::int64_t step = transposed ? rows : 1;
                   float* out = storage.data() + r * cols;
                   for (std::int64_t c = 0; c < cols; ++c) {
                     const std::int64_t at = first + c * step;
                     out[c] = half ? bf16_to_float(x.data<bf16>()[at]) : x.data<float>()[at];
                   }
                 }
               });
  return storage.data();
}

}  // namespace

HWY_EXPORT(matmul_rows);

void Matmul::run_fast(Inputs in, Outputs out) const {
  const MatmulShape s = matmul_shape(*this, in);
  std::vector<float> a_storage, b_storage;
  const float* a = widen(in[0], transpose_a, s.m, s.k, a_storage);
  const float* b = widen(in[1], transpose_b, s.k, s.n, b_storage);
  parallel_for(s.count * s.m, row_grain(s.n * s.k), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(matmul_rows)(s, a, b, out[0], begin, end);
  });
}

}  // namespace tessera
#endif
