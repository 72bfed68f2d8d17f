// Granite 3: Llama with multipliers of the embedding, the scores, what each layer adds, and the logits.
#include "models/family.hpp"

namespace tessera::models {
namespace {

void read(const io::JsonReader& keys, io::ModelConfig& config) {
  io::read_usual_keys(keys, config);
  config.qkv_bias = config.o_bias = keys.boolean("attention_bias").value_or(false);
  config.mlp_bias = keys.boolean("mlp_bias").value_or(false);
  config.embedding_multiplier = keys.positive("embedding_multiplier").value_or(1.0f);
  config.attention_scale = keys.positive("attention_multiplier").value_or(1.0f);
  config.residual_multiplier = keys.positive("residual_multiplier").value_or(1.0f);
  config.logits_multiplier = 1.0f / keys.positive("logits_scaling").value_or(1.0f);
}

void read_gguf(const io::GgufKeys& keys, io::ModelConfig& config) {
  io::read_usual_gguf_keys(keys, config);
  config.embedding_multiplier = keys.positive("embedding_scale", 1.0f);
  config.attention_scale = keys.positive("attention.scale", 1.0f);
  config.residual_multiplier = keys.positive("residual_scale", 1.0f);
  config.logits_multiplier = 1.0f / keys.positive("logit_scale", 1.0f);
}

}  // namespace

const Architecture& granite() {
  static const Architecture family{
      {"GraniteForCausalLM", "granite", read, {"granite", io::RopeForm::Pairs, {}, read_gguf}},
      "Granite 3",
      check_llama_like,
      build_llama_like,
  };
  return family;
}

}  // namespace tessera::models
