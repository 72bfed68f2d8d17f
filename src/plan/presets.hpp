#pragma once
// The precisions of a plan: this program's own, and TT-Transformers', whose speed is public.
#include <string>

#include "models/precision.hpp"
#include "plan/model_facts.hpp"

namespace tessera::plan {

/// "tt-performance" and "tt-accuracy" are TT-Transformers' presets for this model (KV cache in bfloat8_b for
/// most; which models have bfloat16 attention or bfloat4_b gates stands in its model_config.py); anything
/// else is read as models::parse_precision does. Throws UserError.
models::Precision plan_precision(const std::string& name, const ModelFacts& facts);

/// One line: dtypes of attention, gate and up, down, head, KV cache, activations.
std::string describe(const models::Precision& precision);

}  // namespace tessera::plan
