#pragma once
// bfloat8_b and bfloat4_b: 16 consecutive values (a row of a 16x16 face) share one 8-bit exponent; each keeps
// a sign and a magnitude of 7 or 3 bits without hidden one: value = (-1)^s * m * 2^(E - 127 - (bits - 1)).
// Weights are packed on the host, activations and KV by the device's packer; the two round differently.
#include <array>
#include <cstdint>
#include <span>

#include "tensor/bfloat16.hpp"
#include "tensor/dtype.hpp"

namespace tessera {

/// One shared exponent and 16 sign-magnitude codes: bit 7 (bfloat8_b) or bit 3 (bfloat4_b) is the sign.
struct BlockGroup {
  std::uint8_t exponent = 0;
  std::array<std::uint8_t, 16> codes{};
};

/// Magnitude bits: 7 for BFLOAT8_B, 3 for BFLOAT4_B.
constexpr int magnitude_bits(DataType dtype) {
  return dtype == DataType::BFLOAT8_B ? 7 : 3;
}

/// The host rule of tt-metal (blockfloat_common.cpp): largest exponent of the group; 24-bit significands
/// shifted right without sticky, then rounded to nearest even on the bits below, saturating; no negative
/// zero.
BlockGroup pack_group_host(DataType dtype, std::span<const float, 16> values);

/// The packer's rule: NaN -> infinity, denormals -> 0, rounded half up to six fraction bits, then half up
/// again at alignment to the largest exponent, saturating; bfloat4_b truncates the 7-bit result.
BlockGroup pack_group_device(DataType dtype, std::span<const bf16, 16> values);

/// Values of a group, exact in float32 (magnitude 0 with a sign is -0, as on the host).
void unpack_group(DataType dtype, const BlockGroup& group, std::span<float, 16> values);

/// In place: every run of 16 values becomes what bfloat8_b / bfloat4_b holds of them (host rule). The last
/// run may be shorter: it is padded with zeros, which never change a shared exponent.
void round_to_block_float(DataType dtype, std::span<float> values);

}  // namespace tessera
