#pragma once
// Optional arguments that most ops share, by TT-NN's names.
#include <cstdint>
#include <optional>

#include "device/memory_config.hpp"
#include "tensor/dtype.hpp"
#include "wormhole/fidelity.hpp"

namespace tessera {

/// How the matrix engine computes; the defaults are TT-NN's. The ref and fast engines accumulate in float32
/// whatever it says: it steers engines that model the card.
struct ComputeKernelConfig {
  MathFidelity math_fidelity = MathFidelity::LoFi;
  bool math_approx_mode = true;
  bool fp32_dest_acc_en = false;
  bool packer_l1_acc = false;
};

struct OpOptions {
  std::optional<DataType> dtype = {};  // of the output; default: as the first input
  std::optional<MemoryConfig> memory_config = {};
  std::optional<ComputeKernelConfig> compute_kernel_config = {};  // default: the op's, as TT-NN's
  // Tiles of K that a matmul accumulates before it packs a partial sum (program config, in0_block_w). The
  // exact engine's default: the largest divisor of K's tiles up to 8.
  std::optional<std::int64_t> in0_block_w = {};
  // Keys that attention takes at a time (SDPAProgramConfig), a multiple of 32. The exact engine's default:
  // 64, from 2048 keys on 256, in decode 128.
  std::optional<std::int64_t> k_chunk_size = {};
  // Attention's exponential in the approximate form (SDPAProgramConfig); math_approx_mode does not reach it.
  // TT-NN's default: true.
  std::optional<bool> exp_approx_mode = {};
};

}  // namespace tessera
