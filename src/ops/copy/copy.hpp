#pragma once
#include "ops/operation.hpp"

namespace tessera {

/// Overwrites `to` with the values of `from`, in place; returns it. TT-NN: ttnn.copy. Both int32 or uint32
/// (their bits are copied), or both float32 or bfloat16 (converted), of equal volume, row forms. UserError
/// otherwise.
Tensor copy(const Tensor& from, Tensor to);

}  // namespace tessera
