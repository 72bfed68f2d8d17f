#pragma once
#include "ops/operation.hpp"

namespace tessera {

/// The same values in another dtype; to block-float by the device packer's rule. TT-NN: ttnn.typecast.
/// From and to float32, bfloat16, bfloat8_b; integers to float32 or bfloat16.
Tensor typecast(const Tensor& x, DataType dtype);

/// ROW_MAJOR or TILE. TT-NN: ttnn.to_layout. The engines keep activations in compact rows under either
/// layout, so this changes padding and packing only; no values move.
Tensor to_layout(const Tensor& x, Layout layout);

}  // namespace tessera
