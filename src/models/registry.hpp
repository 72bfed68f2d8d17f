#pragma once
// The architectures that this program can build. One line each in registry.cpp.
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/model_config.hpp"
#include "models/precision.hpp"
#include "nn/causal_lm.hpp"
#include "nn/weight_source.hpp"

namespace tessera::models {

struct Architecture {
  std::string_view name;    // Hugging Face's architectures[0]
  std::string_view family;  // for people
  /// Throws UserError with the config key when the configuration asks for what the family does not do.
  void (*check)(const io::ModelConfig& config);
  std::unique_ptr<nn::CausalLm> (*build)(const io::ModelConfig& config, const Precision& precision,
                                         int max_seq, nn::WeightSource& weights);
};

std::span<const Architecture> architectures();

/// Throws UserError that lists the known ones.
const Architecture& find_architecture(std::string_view name);

}  // namespace tessera::models
