#pragma once
// How the matrix engine computes each group of a decoder layer, by TT-Transformers' groups. Steers the exact
// engine; the others accumulate in float32. Empty: the op's own default.
#include <optional>

#include "ops/op_options.hpp"

namespace tessera::nn {

using Fidelity = std::optional<ComputeKernelConfig>;

struct AttentionFidelity {
  Fidelity qkv_decode, qkv_prefill;    // LI_QKV_DECODE, LI_QKV_PREFILL
  Fidelity o_decode, o_prefill;        // LI_O_DECODE, LI_O_PREFILL
  Fidelity sdpa_decode, sdpa_prefill;  // SDPA_DECODE, SDPA_PREFILL
};

struct MlpFidelity {
  Fidelity ff1_ff3, ff2;  // LI_FF1_FF3, LI_FF2
};

}  // namespace tessera::nn
