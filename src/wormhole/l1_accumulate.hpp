#pragma once
// The adder of the packer's L1 accumulation (section 8): the one place that rounds to nearest even.
#include <cstdint>

#include "tensor/bfloat16.hpp"

namespace tessera::wormhole {

/// IEEE addition with denormals flushed on both sides; any NaN becomes 0x7FC00000.
std::uint32_t l1_add_float32(std::uint32_t l1, std::uint32_t source);

/// Added in double precision, rounded once. A NaN in L1 acts as the largest double of its sign; the packer
/// makes infinities of NaNs, so the source has none.
bf16 l1_add_bfloat16(bf16 l1, bf16 source);

}  // namespace tessera::wormhole
