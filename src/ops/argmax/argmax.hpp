#pragma once
#include "ops/operation.hpp"

namespace tessera {

/// Index of the largest value along the last dimension (dim must be -1 or the last); the first of equals. NaN
/// never wins. TT-NN: ttnn.argmax. x [..., dim], float32 or bfloat16. Output uint32 [...], ROW_MAJOR.
Tensor argmax(const Tensor& x, int dim = -1);

}  // namespace tessera
