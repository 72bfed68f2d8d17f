#include "ops/rotary_embedding/rotary_embedding_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/rotary_embedding/rotary_embedding_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

template <class X, class T, class Y>
void rotate_halves(const X* x, const T* cos, const T* sin, std::size_t dim, Y* y) {
  const std::size_t half = dim / 2;
  for_lanes(half, [&](auto d, std::size_t i) {
    const auto a = load_f32(d, x + i);
    const auto b = load_f32(d, x + half + i);
    store_f32(hn::NegMulAdd(b, load_f32(d, sin + i), hn::Mul(a, load_f32(d, cos + i))), d, y + i);
    store_f32(hn::MulAdd(a, load_f32(d, sin + half + i), hn::Mul(b, load_f32(d, cos + half + i))), d,
              y + half + i);
  });
}

template <class X, class T, class Y>
void rotate_pairs(const X* x, const T* cos, const T* sin, std::size_t dim, Y* y) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR  // whose vectors have no pairs
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  for (; i + lanes <= dim; i += lanes) {
    const auto v = load_f32(d, x + i);
    const auto swapped = hn::Shuffle2301(v);
    const auto straight = hn::Mul(v, load_f32(d, cos + i));
    const auto s = load_f32(d, sin + i);
    store_f32(hn::OddEven(hn::MulAdd(swapped, s, straight), hn::NegMulAdd(swapped, s, straight)), d, y + i);
  }
#endif
  const hn::CappedTag<float, 1> one;
  for (; i < dim; i += 2) {
    const auto a = load_f32(one, x + i);
    const auto b = load_f32(one, x + i + 1);
    store_f32(hn::NegMulAdd(b, load_f32(one, sin + i), hn::Mul(a, load_f32(one, cos + i))), one, y + i);
    store_f32(hn::MulAdd(a, load_f32(one, sin + i + 1), hn::Mul(b, load_f32(one, cos + i + 1))), one,
              y + i + 1);
  }
}

void rotate_rows(const RotaryEmbedding& op, Inputs in, Tensor& out, std::int64_t begin, std::int64_t end) {
  const auto dim = static_cast<std::size_t>(in[0].logical_shape()[3]);
  const std::int64_t n = in[0].logical_shape()[2];
  with_rows(in[0], [&](const auto* xs) {
    with_vectors(in[1], in[2], [&](const auto* cos, const auto* sin) {
      with_rows(out, [&](auto* ys) {
        for (std::int64_t r = begin; r < end; ++r) {
          const std::size_t at = static_cast<std::size_t>(r) * dim;
          const std::size_t table = static_cast<std::size_t>(op.table_row(r, n)) * dim;
          if (op.pairs) {
            rotate_pairs(xs + at, cos + table, sin + table, dim, ys + at);
          } else {
            rotate_halves(xs + at, cos + table, sin + table, dim, ys + at);
          }
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
HWY_EXPORT(rotate_rows);

void RotaryEmbedding::run_fast(Inputs in, Outputs out) const {
  const Shape& shape = in[0].logical_shape();
  parallel_for(shape.rows(), row_grain(shape[3]), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(rotate_rows)(*this, in, out[0], begin, end);
  });
}

}  // namespace tessera
#endif
