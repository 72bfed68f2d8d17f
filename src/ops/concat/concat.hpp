#pragma once
#include <span>

#include "ops/operation.hpp"

namespace tessera {

/// Joins tensors along `dim` (negative counts from the end). TT-NN: ttnn.concat. One dtype; shapes equal
/// elsewhere.
Tensor concat(std::span<const Tensor> tensors, int dim);

}  // namespace tessera
