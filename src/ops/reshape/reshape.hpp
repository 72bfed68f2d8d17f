#pragma once
#include "ops/operation.hpp"

namespace tessera {

/// The same values under another shape of equal volume; a view. TT-NN: ttnn.reshape.
Tensor reshape(const Tensor& x, const Shape& shape);

}  // namespace tessera
