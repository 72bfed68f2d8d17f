#pragma once
#include <cstdint>
#include <optional>

#include "ops/operation.hpp"

namespace tessera {

/// Rows of `weight` [vocab, dim] picked by `ids` (int32 or uint32, [..., n]). TT-NN: ttnn.embedding.
/// weight: float32 or bfloat16, rows. Output [1, 1, number of ids, dim], weight's dtype unless options.dtype
/// says otherwise, TILE. An id equal to `pad_token` gives a row of zeros. UserError: another id outside [0,
/// vocab).
Tensor embedding(const Tensor& ids, const Tensor& weight, const OpOptions& options = {},
                 std::optional<std::int32_t> pad_token = {});

}  // namespace tessera
