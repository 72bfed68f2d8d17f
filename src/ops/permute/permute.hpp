#pragma once
#include <span>

#include "ops/operation.hpp"

namespace tessera {

/// Output dimension i is input dimension order[i]. TT-NN: ttnn.permute. Any float rows or integers, rank
/// <= 8.
Tensor permute(const Tensor& x, std::span<const int> order);

/// Swaps two dimensions. TT-NN: ttnn.transpose.
Tensor transpose(const Tensor& x, int dim0, int dim1);

}  // namespace tessera
