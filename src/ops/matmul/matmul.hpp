#pragma once
#include "ops/operation.hpp"

namespace tessera {

/// y = a @ b over the last two dimensions, both activations. TT-NN: ttnn.matmul.
/// a [..., M, K] ([..., K, M] with transpose_a), b [..., K, N] ([..., N, K] with transpose_b); the leading
/// dimensions are equal, or b has none. float32 or bfloat16. Output [..., M, N] in a's dtype. For weights use
/// linear.
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false,
              const OpOptions& options = {});

}  // namespace tessera
