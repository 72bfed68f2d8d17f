#pragma once
#include <optional>

#include "ops/operation.hpp"

namespace tessera {

/// y = (x - mean) / sqrt(var + epsilon) * weight + bias over the last dimension. TT-NN: ttnn.layer_norm.
/// Shapes, dtypes and errors as rms_norm.
Tensor layer_norm(const Tensor& x, float epsilon = 1e-12f, const std::optional<Tensor>& weight = {},
                  const std::optional<Tensor>& bias = {}, const OpOptions& options = {});

}  // namespace tessera
