#include "ops/exact_activation.hpp"

#include "wormhole/lane.hpp"

namespace tessera {
namespace {

using wormhole::Lane;

// 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
std::uint32_t gelu_tanh(const wormhole::RowKernel& kernel, std::uint32_t word) {
  const Lane x(wormhole::sfpu_load(kernel.dest(), word));
  const Lane inner = wormhole::mad(x * x * x, 0.044715f, x) * 0.7978845608028654f;
  const wormhole::VectorMode mode{kernel.dest() == wormhole::DestFormat::Fp32, false};
  const Lane t(wormhole::vector_op(wormhole::VectorOp::Tanh, mode, inner.bits));
  return wormhole::sfpu_store(kernel.dest(), ((t + 1.0f) * (x * 0.5f)).bits);
}

}  // namespace

std::uint32_t activated(const wormhole::RowKernel& kernel, Activation activation, std::uint32_t word) {
  switch (activation) {
    case Activation::Silu:
      return kernel.vector(wormhole::VectorOp::Silu, word);
    case Activation::Gelu:
      return kernel.vector(wormhole::VectorOp::Gelu, word);
    case Activation::GeluTanh:
      return gelu_tanh(kernel, word);
    case Activation::None:
      break;
  }
  return word;
}

}  // namespace tessera
