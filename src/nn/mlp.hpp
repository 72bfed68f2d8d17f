#pragma once
#include "nn/fidelity.hpp"
#include "nn/layers.hpp"

namespace tessera::nn {

/// The gated feed-forward network: down(activation(gate(x)) * up(x)).
struct Mlp {
  Linear gate_proj;  // [hidden, intermediate]
  Linear up_proj;    // [hidden, intermediate]
  Linear down_proj;  // [intermediate, hidden]
  Activation activation = Activation::Silu;
  MlpFidelity fidelity;

  Tensor forward(const Tensor& x) const;
};

}  // namespace tessera::nn
