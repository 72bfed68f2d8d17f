#pragma once
#include "ops/operation.hpp"

namespace tessera {

/// Adds one to every entry of an int32 tensor in place and returns it; negative entries (idle users) stay.
/// TT-NN: ttnn.plus_one with skip_negative_entries.
Tensor plus_one(Tensor x);

}  // namespace tessera
