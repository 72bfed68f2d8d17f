#pragma once
// One row of values into the storage of another dtype: what typecast and the KV cache share.
#include <cstdint>

#include "device/tensor.hpp"

namespace tessera {

/// Row `from_row` of `from` to row `to_row` of `to`; a row is the last dimension, the same in both. Any row
/// form. The values become what to's dtype holds, on the ref engine too: bfloat16 rounds to nearest even,
/// bfloat8_b follows the device packer's rule.
void pack_row(const Tensor& from, std::int64_t from_row, const Tensor& to, std::int64_t to_row);

}  // namespace tessera
