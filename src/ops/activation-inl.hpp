// An op's activation of a vector. Included once per instruction set.
#if defined(TESSERA_ACTIVATION_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_ACTIVATION_INL
#undef TESSERA_ACTIVATION_INL
#else
#define TESSERA_ACTIVATION_INL
#endif

#include "ops/linear/linear.hpp"
#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

template <class D>
HWY_INLINE hn::Vec<D> activate(D d, Activation activation, hn::Vec<D> x) {
  if (activation == Activation::Silu) return silu_f32(d, x);
  if (activation == Activation::Gelu) return gelu_f32(d, x);
  if (activation == Activation::GeluTanh) return gelu_tanh_f32(d, x);
  return x;
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif
