#pragma once
// The adder of the packer's L1 accumulation (section 8): the one place that rounds to nearest even.
#include <cstdint>
#include <span>

#include "tensor/bfloat16.hpp"

namespace tessera::wormhole {

/// IEEE addition with denormals flushed on both sides; any NaN becomes 0x7FC00000.
std::uint32_t l1_add_float32(std::uint32_t l1, std::uint32_t source);

/// Added in double precision, rounded once. A NaN in L1 acts as the largest double of its sign; the packer
/// makes infinities of NaNs, so the source has none.
bf16 l1_add_bfloat16(bf16 l1, bf16 source);

/// l1_add_bfloat16() of the upper halves of each pair of words, by float32 sums: of two bfloat16 numbers a
/// sum is exact in float32, or the smaller one is too small to matter to either rounding.
void l1_add_bfloat16_row(std::span<std::uint32_t> l1, std::span<const std::uint32_t> source);

}  // namespace tessera::wormhole
