#pragma once
#include "ops/operation.hpp"

namespace tessera {

/// exp(x - max) / sum over the last dimension (dim must be -1 or the last). TT-NN: ttnn.softmax.
/// -inf entries get 0; a row of only -inf gets zeros. float32 or bfloat16.
Tensor softmax(const Tensor& x, int dim = -1, const OpOptions& options = {});

}  // namespace tessera
