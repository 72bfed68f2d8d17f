#pragma once
// The unpacker: a tile in L1 to a source register or to Dest (sections 2 and 2a).
#include <cstddef>
#include <span>

#include "tensor/dtype.hpp"
#include "wormhole/tile.hpp"

namespace tessera::wormhole {

/// The register that tt-metal chooses for a tile of `dtype`. `all_fp32`: every circular buffer of the kernel
/// is float32.
SrcFormat source_format(DataType dtype, bool fp32_dest_acc_en, bool all_fp32);

/// FLOAT32, BFLOAT16, BFLOAT8_B or BFLOAT4_B bytes (tile_bytes(dtype) of them) as source-register words.
/// Block-float zero with a sign is -infinity and small exponents wrap, as in the hardware. `format` matters
/// to FLOAT32 only: the other dtypes are always Float16b.
Tile unpack_to_source(DataType dtype, SrcFormat format, std::span<const std::byte> bytes);

/// One float32 value as a source-register word.
std::uint32_t unpack_float32(std::uint32_t word, SrcFormat format);

/// FLOAT32 bytes straight to Dest (a circular buffer marked UnpackToDestFp32): an exact copy.
Tile unpack_to_dest(std::span<const std::byte> bytes);

}  // namespace tessera::wormhole
