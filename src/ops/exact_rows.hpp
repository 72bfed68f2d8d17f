#pragma once
// Between the tensors of a device and the words of the wormhole room, for the exact engine's ops.
#include <cstdint>
#include <span>
#include <vector>

#include "ops/operation.hpp"
#include "wormhole/tile.hpp"
#include "wormhole/vector_ops.hpp"

namespace tessera {

using Words = std::vector<std::uint32_t>;

/// What the unpacker makes of row `row` (of the last dimension): source-register words, `words` long; what is
/// beyond the row's values is 0. RowsF32, RowsBf16 or RowsBfp8.
void load_source_row(const Tensor& tensor, std::int64_t row, bool fp32_dest, std::span<std::uint32_t> words);

/// The packer: Dest words to row `row` of a RowsF32 or RowsBf16 tensor, from column `first` on.
void store_row(wormhole::DestFormat format, std::span<const std::uint32_t> dest, Tensor& tensor,
               std::int64_t row, std::int64_t first = 0);

constexpr wormhole::DestFormat dest_format(const ComputeKernelConfig& config) {
  return config.fp32_dest_acc_en ? wormhole::DestFormat::Fp32 : wormhole::DestFormat::Bf16;
}
constexpr wormhole::VectorMode vector_mode(const ComputeKernelConfig& config) {
  return {config.fp32_dest_acc_en, config.math_approx_mode};
}

/// options.compute_kernel_config, or `fallback`.
ComputeKernelConfig kernel_config(const OpOptions& options, const ComputeKernelConfig& fallback);

}  // namespace tessera
