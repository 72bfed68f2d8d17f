#pragma once
// The Llama family: RMSNorm, rotary attention with grouped queries, SwiGLU.
#include <memory>

#include "io/model_config.hpp"
#include "models/precision.hpp"
#include "nn/causal_lm.hpp"
#include "nn/weight_source.hpp"

namespace tessera::models {

void check_llama(const io::ModelConfig& config);
std::unique_ptr<nn::CausalLm> build_llama(const io::ModelConfig& config, const Precision& precision,
                                          int max_seq, nn::WeightSource& weights);

}  // namespace tessera::models
