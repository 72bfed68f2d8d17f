#pragma once
// What one chip of a tensor-parallel group holds of a model: the same on every chip, so that one chip's plan
// is every chip's.
#include <cstdint>

#include "nn/parallel.hpp"
#include "plan/model_facts.hpp"

namespace tessera::plan {

/// Heads in equal slots (a key-value head with the queries that attend to it; empty slots are heads of
/// zeros), the MLP's channels and the vocabulary in whole tiles, experts whole or, when there are more chips
/// than experts, divided. 9 heads over 3 on 2, 4, 8 chips: 6 over 2, 3 over 1, 2 over 1. More chips than a
/// ring are a grid (models::usual_tensor_plan): its rows divide all that, its columns the residual stream; a
/// model with LayerNorm, whose statistics no op gathers, is divided one way.
struct ChipPart {
  int chips = 1;
  nn::TensorPlan plan = {};
  io::ModelConfig config;   // the chip's heads and channels; vocab_size is the whole vocabulary
  std::int64_t vocab = 0;   // rows of the head's weight
  std::int64_t hidden = 0;  // channels of the residual stream
  int experts = 0;          // of this chip
};

ChipPart chip_part(const ModelFacts& facts, int chips);

}  // namespace tessera::plan
