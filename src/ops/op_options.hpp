#pragma once
// Optional arguments that most ops share, by TT-NN's names.
#include <cstdint>
#include <optional>

#include "device/memory_config.hpp"
#include "tensor/dtype.hpp"

namespace tessera {

enum class MathFidelity : std::uint8_t { LoFi = 0, HiFi2 = 2, HiFi3 = 3, HiFi4 = 4 };

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
  std::optional<ComputeKernelConfig> compute_kernel_config = {};
};

}  // namespace tessera
