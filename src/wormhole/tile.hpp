#pragma once
// What the functions of this room pass around. Section numbers in this room's comments are those of
// docs/wormhole.md.
#include <array>
#include <cstddef>
#include <cstdint>

namespace tessera::wormhole {

/// 1024 register words in the order of a tile in memory (faces 0..3, each 16x16, row-major; section 1). A
/// word is sign, exponent and fraction in the places of a float32. Source registers keep the top 10 fraction
/// bits; a bfloat16 Dest keeps 7, an fp16 Dest 10; an fp16 word has its 5-bit exponent, not rebiased, in the
/// 8-bit field.
using Tile = std::array<std::uint32_t, 1024>;

/// A source register's format: Float16b holds bfloat16, bfloat8_b and bfloat4_b.
enum class SrcFormat : std::uint8_t { Float16b, Tf32, Float16 };

/// The accumulator's format. Fp16 exists for kernels whose circular buffers are all float32 (section 2a).
enum class DestFormat : std::uint8_t { Bf16, Fp32, Fp16 };

}  // namespace tessera::wormhole
