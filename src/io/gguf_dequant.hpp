#pragma once
// GGUF tensor data to float32.
#include <cstddef>
#include <span>

#include "io/gguf_types.hpp"

namespace tessera::io {

/// Every value of `data` (whole blocks), in order; bit-equal to the reference of the `gguf` Python package.
/// Big tensors use all threads. Throws UserError when the sizes do not match.
void dequantize(GgmlType type, std::span<const std::byte> data, std::span<float> out);

namespace detail {
/// `blocks` blocks of one type at `data` to 32 or 256 values each at `out`.
using BlockFn = void (*)(const std::uint8_t* data, std::size_t blocks, float* out);
BlockFn legacy_block_fn(GgmlType type);  // Q4_0 .. Q8_0; nullptr for others
BlockFn k_block_fn(GgmlType type);       // Q2_K .. Q6_K; nullptr for others
}  // namespace detail

}  // namespace tessera::io
