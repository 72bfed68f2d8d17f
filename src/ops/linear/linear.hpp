#pragma once
#include <cstdint>
#include <optional>

#include "ops/operation.hpp"

namespace tessera {

/// GeluTanh: x * Phi(x) in its tanh form, TT-NN's fast and approximate gelu.
enum class Activation : std::uint8_t { None, Silu, Gelu, GeluTanh };

/// y = activation(x @ weight + bias). TT-NN: ttnn.linear.
/// x [..., K], float32 or bfloat16; weight [K, N] (or [1, 1, K, N]) in any float dtype, best DRAM
/// width-sharded; bias: N values. Output [..., N], x's dtype unless options.dtype says otherwise. A row's
/// result does not depend on how many rows there are: bit for bit the same alone and in a batch. UserError: K
/// or N that do not match.
Tensor linear(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias = {},
              Activation activation = Activation::None, const OpOptions& options = {});

}  // namespace tessera
