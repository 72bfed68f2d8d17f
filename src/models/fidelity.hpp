#pragma once
// TT-Transformers' named compute configurations and the groups they are given to.
#include <string>
#include <string_view>

#include "nn/fidelity.hpp"

namespace tessera::models {

struct LayerFidelity {
  nn::AttentionFidelity attention;
  nn::MlpFidelity mlp;
};

/// "LOFI", "HIFI2", "HIFI2_FP16", "HIFI2_NA", "HIFI2_NOL1ACC", "HIFI4", "HIFI4_FP32" in any case. Throws
/// UserError that lists them; `where` begins its text.
ComputeKernelConfig parse_fidelity(std::string_view name, std::string_view where);

/// The place of a group, "LI_FF1_FF3". Throws UserError that lists the groups.
nn::Fidelity& fidelity_of(LayerFidelity& layer, std::string_view group, std::string_view where);

/// What TT-Transformers' presets have in common; gate and up: HIFI2_FP16.
LayerFidelity standard_fidelity();

/// TT-Transformers' norms: HiFi2 with an fp32 Dest, nothing approximate, whatever the preset.
ComputeKernelConfig norm_standard();

}  // namespace tessera::models
