#pragma once
#include <cstdint>
#include <span>

#include "ops/operation.hpp"

namespace tessera {

/// Elements starts[d] <= index < ends[d] of every dimension d. TT-NN: ttnn.slice with step 1. Float rows or
/// integers. UserError: a range outside the shape or empty.
Tensor slice(const Tensor& x, std::span<const std::int64_t> starts, std::span<const std::int64_t> ends);

}  // namespace tessera
