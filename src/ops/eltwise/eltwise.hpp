#pragma once
#include "ops/linear/linear.hpp"

namespace tessera {

/// Element-wise, TT-NN: ttnn.add, ttnn.subtract, ttnn.multiply. a [...], float32 or bfloat16; b has a's
/// shape, or is one row ([..., 1, dim] or [dim]) that is used for every row, or one value. Each applies
/// `input_tensor_a_activation` to a first. Output: a's shape and dtype unless options.dtype says otherwise.
Tensor add(const Tensor& a, const Tensor& b, Activation input_tensor_a_activation = Activation::None,
           const OpOptions& options = {});
Tensor subtract(const Tensor& a, const Tensor& b, Activation input_tensor_a_activation = Activation::None,
                const OpOptions& options = {});
Tensor multiply(const Tensor& a, const Tensor& b, Activation input_tensor_a_activation = Activation::None,
                const OpOptions& options = {});

/// a * b for every value of a. TT-NN: ttnn.multiply with a number.
Tensor multiply(const Tensor& a, float b, const OpOptions& options = {});

/// 1 / (1 + e^-x). TT-NN: ttnn.sigmoid.
Tensor sigmoid(const Tensor& x, const OpOptions& options = {});

/// TT-NN: ttnn.tanh.
Tensor tanh(const Tensor& x, const OpOptions& options = {});

/// x * sigmoid(x). TT-NN: ttnn.silu.
Tensor silu(const Tensor& x, const OpOptions& options = {});
/// x * Phi(x) with the error function, or the tanh form when fast_and_approximate_mode. TT-NN: ttnn.gelu.
Tensor gelu(const Tensor& x, bool fast_and_approximate_mode = false, const OpOptions& options = {});

}  // namespace tessera
