#pragma once
// The angles of rotary positions under every kind of scaling, as transformers computes them
// (modeling_rope_utils.py).
#include <vector>

#include "io/model_config.hpp"

namespace tessera::nn {

struct RopeFrequencies {
  std::vector<float> inverse;     // [rotary dim / 2]: position p turns pair i by p * inverse[i]
  float attention_factor = 1.0f;  // cos and sin are multiplied by it
};

/// "dynamic" and "longrope" depend on the length of a run: they are those of `max_seq` positions, the whole
/// context, so that every position is rotated the same in every step.
RopeFrequencies rope_frequencies(const io::ModelConfig& config, const io::RopeParameters& parameters,
                                 int max_seq);

/// Throws UserError with the key for rotations that cannot be computed.
void check_rope(const io::ModelConfig& config);

}  // namespace tessera::nn
