#pragma once
// What rms_norm and layer_norm share on the exact engine.
#include "ops/exact_rows.hpp"
#include "wormhole/row_programs.hpp"

namespace tessera {

/// rms_norm_row or layer_norm_row.
using NormProgram = decltype(&wormhole::rms_norm_row);

/// Inputs: x, weight and bias (both may be unallocated).
void norm_exact(NormProgram program, const ComputeKernelConfig& config, float epsilon, Inputs in,
                Tensor& out);

/// Values of a row rounded up to whole tiles.
constexpr std::size_t padded_columns(std::int64_t columns) {
  return static_cast<std::size_t>((columns + kTileSize - 1) / kTileSize * kTileSize);
}

constexpr wormhole::KernelConfig row_config(const ComputeKernelConfig& config) {
  return {config.math_fidelity, config.math_approx_mode, config.fp32_dest_acc_en, config.fp32_dest_acc_en};
}

}  // namespace tessera
