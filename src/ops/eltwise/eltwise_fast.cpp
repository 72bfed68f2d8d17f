#include "ops/eltwise/eltwise_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/eltwise/eltwise_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/activation-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

template <class D>
HWY_INLINE hn::Vec<D> combine(D /*d*/, Binary::Kind kind, hn::Vec<D> a, hn::Vec<D> b) {
  if (kind == Binary::Kind::Add) return hn::Add(a, b);
  if (kind == Binary::Kind::Subtract) return hn::Sub(a, b);
  return hn::Mul(a, b);
}

template <class A, class B, class Y>
void binary_run(const Binary& op, const A* a, const B* b, std::size_t n, Y* y) {
  for_lanes(n, [&](auto d, std::size_t i) {
    const auto left = activate(d, op.activation, load_f32(d, a + i));
    store_f32(combine(d, op.kind, left, load_f32(d, b + i)), d, y + i);
  });
}

template <class A, class Y>
void binary_value(const Binary& op, const A* a, float b, std::size_t n, Y* y) {
  for_lanes(n, [&](auto d, std::size_t i) {
    const auto left = activate(d, op.activation, load_f32(d, a + i));
    store_f32(combine(d, op.kind, left, hn::Set(d, b)), d, y + i);
  });
}

// [begin, end) counts values, or rows where b is one row.
void binary_range(const Binary& op, Inputs in, Tensor& out, Broadcast broadcast, std::int64_t begin,
                  std::int64_t end) {
  const auto dim = static_cast<std::size_t>(in[0].logical_shape()[-1]);
  const auto first = static_cast<std::size_t>(begin);
  const auto last = static_cast<std::size_t>(end);
  if (op.value) {
    with_rows(in[0], [&](const auto* a) {
      with_rows(out, [&](auto* y) { binary_value(op, a + first, *op.value, last - first, y + first); });
    });
    return;
  }
  with_rows(in[0], [&](const auto* a) {
    with_rows(in[1], [&](const auto* b) {
      with_rows(out, [&](auto* y) {
        if (broadcast == Broadcast::None) {
          binary_run(op, a + first, b + first, last - first, y + first);
        } else if (broadcast == Broadcast::Value) {
          const float value = hn::GetLane(load_f32(hn::CappedTag<float, 1>(), b));
          binary_value(op, a + first, value, last - first, y + first);
        } else {
          for (std::size_t r = first; r < last; ++r) binary_run(op, a + r * dim, b, dim, y + r * dim);
        }
      });
    });
  });
}

void unary_range(Unary::Kind kind, const Tensor& in, Tensor& out, std::int64_t begin, std::int64_t end) {
  with_rows(in, [&](const auto* x) {
    with_rows(out, [&](auto* y) {
      for_lanes(static_cast<std::size_t>(end - begin), [&](auto d, std::size_t i) {
        const std::size_t at = static_cast<std::size_t>(begin) + i;
        const auto v = load_f32(d, x + at);
        if (kind == Unary::Kind::Silu) {
          store_f32(silu_f32(d, v), d, y + at);
        } else if (kind == Unary::Kind::Gelu) {
          store_f32(gelu_f32(d, v), d, y + at);
        } else if (kind == Unary::Kind::Sigmoid) {
          store_f32(sigmoid_f32(d, v), d, y + at);
        } else if (kind == Unary::Kind::GeluTanh) {
          store_f32(gelu_tanh_f32(d, v), d, y + at);
        } else {
          store_f32(tanh_f32(d, v), d, y + at);
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
HWY_EXPORT(binary_range);
HWY_EXPORT(unary_range);

void Binary::run_fast(Inputs in, Outputs out) const {
  const Shape& shape = in[0].logical_shape();
  const Broadcast broadcast = value ? Broadcast::Value : broadcast_of(in[0], in[1]);
  const bool by_rows = broadcast == Broadcast::Row;
  parallel_for(by_rows ? shape.rows() : shape.volume(), row_grain(by_rows ? shape[-1] : 1),
               [&](std::int64_t begin, std::int64_t end) {
                 HWY_DYNAMIC_DISPATCH(binary_range)(*this, in, out[0], broadcast, begin, end);
               });
}

void Unary::run_fast(Inputs in, Outputs out) const {
  parallel_for(in[0].logical_shape().volume(), row_grain(1), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(unary_range)(kind, in[0], out[0], begin, end);
  });
}

}  // namespace tessera
#endif
