#pragma once
#include <optional>

#include "ops/operation.hpp"

namespace tessera {

/// y = x / sqrt(mean(x^2) + epsilon) * weight + bias over the last dimension (Zhang and Sennrich 2019).
/// TT-NN: ttnn.rms_norm.
/// x [..., dim], float32 or bfloat16; weight and bias hold dim values ([dim], [1,1,1,dim] or the row-major
/// [1,1,dim/32,32]), float32 or bfloat16. Output: x's shape and dtype unless options.dtype says otherwise.
/// UserError: a weight of another size, a negative epsilon, a dtype other than those.
Tensor rms_norm(const Tensor& x, float epsilon = 1e-12f, const std::optional<Tensor>& weight = {},
                const std::optional<Tensor>& bias = {}, const OpOptions& options = {});

}  // namespace tessera
