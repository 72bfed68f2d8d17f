#pragma once
#include <array>

#include "ops/operation.hpp"

namespace tessera {

/// The k largest values along the last dimension, largest first (of equals the smaller index), and their
/// indices. TT-NN: ttnn.topk with sorted=True. x [..., dim], any dim; values in x's dtype, indices uint32,
/// both [..., k]. UserError: k outside 1..dim.
std::array<Tensor, 2> topk(const Tensor& x, int k);

}  // namespace tessera
