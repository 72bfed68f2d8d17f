// A row's sum is normed while it is in the first cache.
#include <type_traits>

#include "ops/fused/fused_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/fused/add_rms_norm_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/rms_norm/rms_norm_row-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

template <class A, class B>
void add_row(const A* a, const B* b, std::size_t dim, A* sum) {
  for_lanes(dim, [&](auto d, std::size_t i) {
    store_f32(hn::Add(load_f32(d, a + i), load_f32(d, b + i)), d, sum + i);
  });
}

void add_rms_norm_rows(float epsilon, Inputs in, Outputs out, std::int64_t begin, std::int64_t end) {
  const auto dim = static_cast<std::size_t>(in[0].logical_shape()[-1]);
  with_rows(in[1], [&](const auto* bs) {
    with_vectors(in[2], {}, [&](const auto* weight, const auto* none) {
      with_rows(in[0], [&](const auto* as) {
        auto* sums = out[0].data<std::remove_const_t<std::remove_pointer_t<decltype(as)>>>();
        auto* ys = out[1].data<std::remove_const_t<std::remove_pointer_t<decltype(as)>>>();
        for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r) {
          add_row(as + r * dim, bs + r * dim, dim, sums + r * dim);
          rms_norm_row(sums + r * dim, weight, none, epsilon, dim, ys + r * dim);
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
HWY_EXPORT(add_rms_norm_rows);

void AddRmsNorm::run_fast(Inputs in, Outputs out) const {
  const Shape& shape = in[0].logical_shape();
  parallel_for(shape.rows(), row_grain(shape[-1]), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(add_rms_norm_rows)(epsilon, in, out, begin, end);
  });
}

}  // namespace tessera
#endif
