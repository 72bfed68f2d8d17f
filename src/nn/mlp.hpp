#pragma once
#include <optional>

#include "nn/fidelity.hpp"
#include "nn/layers.hpp"

namespace tessera::nn {

/// The feed-forward network: down(activation(gate(x)) * up(x)), or down(activation(up(x))) without a gate.
struct Mlp {
  std::optional<Linear> gate_proj;  // [hidden, intermediate]
  Linear up_proj;                   // [hidden, intermediate]
  Linear down_proj;                 // [intermediate, hidden]
  Activation activation = Activation::Silu;
  MlpFidelity fidelity = {};

  Tensor forward(const Tensor& x) const;
};

}  // namespace tessera::nn
