#pragma once
#include "ops/eltwise/eltwise.hpp"

namespace tessera::nn {

/// x times one of a configuration's multipliers; x itself where there is none.
inline Tensor scaled(const Tensor& x, float multiplier) {
  return multiplier == 1.0f ? x : multiply(x, multiplier);
}

/// cap * tanh(x / cap); x itself where cap is 0.
inline Tensor soft_capped(const Tensor& x, float cap) {
  return cap == 0.0f ? x : multiply(tanh(multiply(x, 1.0f / cap)), cap);
}

}  // namespace tessera::nn
