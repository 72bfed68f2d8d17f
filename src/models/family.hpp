#pragma once
// A model family: everything that this program knows of it, defined in the file of its name.
#include <memory>
#include <string_view>

#include "io/family_format.hpp"
#include "io/gguf_keys.hpp"
#include "io/hf_keys.hpp"
#include "models/builder.hpp"
#include "models/precision.hpp"
#include "nn/causal_lm.hpp"
#include "nn/weight_source.hpp"

namespace tessera::models {

struct Architecture {
  io::FamilyFormat files;   // what config.json and GGUF files mean
  std::string_view family;  // for people
  /// Throws UserError with the config key when the configuration asks for what the family does not do. What
  /// no family does is refused before (check_config).
  void (*check)(const io::ModelConfig& config);
  std::unique_ptr<nn::CausalLm> (*build)(const io::ModelConfig& config, const Precision& precision,
                                         int max_seq, nn::WeightSource& weights);

  /// Hugging Face's architectures[0].
  std::string_view name() const { return files.architecture; }
};

/// Throws UserError unless the heads divide the hidden size evenly; `key` is what the family calls the
/// latter.
void check_heads_divide(const io::ModelConfig& config, std::string_view key);
/// check of the families that have SiLU and rotate whole heads.
void check_llama_like(const io::ModelConfig& config);
/// build of the families whose layers are Llama's with whatever the configuration adds to them.
std::unique_ptr<nn::CausalLm> build_llama_like(const io::ModelConfig& config, const Precision& precision,
                                               int max_seq, nn::WeightSource& weights);

}  // namespace tessera::models
