#pragma once
#include <optional>
#include <string>

#include "device/tensor.hpp"
#include "io/model_config.hpp"
#include "nn/fidelity.hpp"
#include "nn/parallel.hpp"

namespace tessera::nn {

/// Normalisation over the last dimension: RMSNorm, or LayerNorm where `kind` says so.
struct Norm {
  std::string name;  // "input_layernorm"
  Tensor weight;     // [dim]
  float epsilon = 1e-6f;
  io::NormKind kind = io::NormKind::Rms;
  std::optional<Tensor> bias = {};  // [dim]
  Fidelity fidelity = {};
  NormParallel parallel = {};  // RMSNorm alone can have its rows divided

  /// x [..., dim] to the same; of divided rows, whole ones come out where `parallel` gathers.
  Tensor forward(const Tensor& x) const;
};

}  // namespace tessera::nn
