// Llama 2 and 3.x, SmolLM2, TinyLlama: RMSNorm, rotary attention with grouped queries, SwiGLU.
#include "models/family.hpp"

namespace tessera::models {
namespace {

void read(const io::JsonReader& keys, io::ModelConfig& config) {
  io::read_usual_keys(keys, config);
  config.qkv_bias = config.o_bias = keys.boolean("attention_bias").value_or(false);
  config.mlp_bias = keys.boolean("mlp_bias").value_or(false);
}

}  // namespace

const Architecture& llama() {
  static const Architecture family{
      {"LlamaForCausalLM", "llama", read, {"llama", io::RopeForm::Pairs}},
      "Llama 2, 3.x, SmolLM2, TinyLlama",
      check_llama_like,
      build_llama_like,
  };
  return family;
}

}  // namespace tessera::models
