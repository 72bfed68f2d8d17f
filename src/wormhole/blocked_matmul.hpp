#pragma once
// A matmul over K as TT-NN's kernel blocks it (section 5): Dest accumulates inside a block of K tiles,
// partial sums pass through a circular buffer between blocks.
#include <cstdint>
#include <span>

#include "wormhole/matmul_fast.hpp"

namespace tessera::wormhole {

struct MatmulConfig {
  MathFidelity fidelity = MathFidelity::HiFi2;
  bool fp32_dest = false;
  bool packer_l1_acc = true;
  std::int64_t k_tiles = 1;
  std::int64_t block_tiles = 1;  // in0_block_w; divides k_tiles
  bool bias = false;             // a fused bias: all blocks are summed in L1 first

  DestFormat dest() const { return fp32_dest ? DestFormat::Fp32 : DestFormat::Bf16; }
};

/// One output tile (or its first rows). Feed the K tiles in order, then finish().
class BlockedMatmul {
 public:
  BlockedMatmul(const MatmulConfig& config, int rows) : config_(config), rows_(rows) {}

  void multiply(const ActivationOperand& in0, const WeightOperand& in1);

  /// Dest before activation and final packing, [row][column]. `bias`: 32 source words, one a column, if
  /// config.bias; otherwise empty.
  const DestRows& finish(std::span<const std::uint32_t> bias);

 private:
  void end_block();
  void pack_partial(bool add);
  void reload();
  std::size_t words() const { return static_cast<std::size_t>(rows_) * 32; }

  const MatmulConfig& config_;
  int rows_;
  std::int64_t tile_ = 0;
  DestRows dest_{};
  DestRows partial_{};  // the intermediate buffer: float32 or bfloat16, as fp32_dest says
};

}  // namespace tessera::wormhole
