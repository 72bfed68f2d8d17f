#pragma once
// Which forms of tensor parallelism a family has.
#include <string>

#include "io/model_config.hpp"
#include "nn/parallel.hpp"

namespace tessera::models {

/// Why a model of this configuration cannot be divided so among `chips`, and what to do; empty: it can.
std::string why_not_divided(const io::ModelConfig& config, const nn::TensorPlan& plan, int chips);

/// nn::usual_tensor_plan, or the form nearest to it that the family has: all chips one way, else one row of
/// `2d`. The usual one where it has none.
nn::TensorPlan usual_tensor_plan(const io::ModelConfig& config, int chips);

}  // namespace tessera::models
