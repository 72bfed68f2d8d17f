#pragma once
// The packer: Dest to a tile in L1 (section 7), and its accumulation in L1 (section 8).
#include <cstddef>
#include <span>

#include "tensor/dtype.hpp"
#include "wormhole/tile.hpp"

namespace tessera::wormhole {

struct PackOptions {
  bool precise = false;  // bfp8_pack_precise: block float from the whole Dest value; TT-NN: typecast only
  bool relu = false;     // the packer's ReLU: negative values become 0
};

/// Packs to FLOAT32, BFLOAT16, BFLOAT8_B or BFLOAT4_B; `l1` has tile_bytes(dtype) bytes. An fp16 Dest packs
/// to FLOAT32 only. Throws UserError for other dtypes.
void pack_tile(DestFormat format, const Tile& dest, DataType dtype, std::span<std::byte> l1,
               PackOptions options = {});

/// One value as pack_tile() writes it to FLOAT32 or BFLOAT16, in the place of a float32.
std::uint32_t pack_word(DestFormat format, std::uint32_t word, DataType dtype);

/// packer_l1_acc: adds to the FLOAT32 or BFLOAT16 tile in `l1`.
void pack_tile_accumulate(DestFormat format, const Tile& dest, DataType dtype, std::span<std::byte> l1);

}  // namespace tessera::wormhole
