// Llama 2 and 3.x, SmolLM2, TinyLlama: RMSNorm, rotary attention with grouped queries, SwiGLU.
#include "models/family.hpp"

namespace tessera::models {
namespace {

void read(const io::JsonReader& keys, io::ModelConfig& config) {
  io::read_usual_keys(keys, config);
  config.qkv_bias = config.o_bias = keys.boolean("attention_bias").value_or(false);
  config.mlp_bias = keys.boolean("mlp_bias").value_or(false);
}

void check(const io::ModelConfig& config) {
  check_activation(config, {"silu"});
  check_whole_heads_rotate(config);
}

std::unique_ptr<nn::CausalLm> build(const io::ModelConfig& config, const Precision& precision, int max_seq,
                                    nn::WeightSource& weights) {
  Builder builder(config, precision, max_seq, weights);
  return builder.model([&](int i) { return builder.decoder_layer(i); });
}

}  // namespace

const Architecture& llama() {
  static const Architecture family{
      {"LlamaForCausalLM", "llama", read, {"llama", io::RopeForm::Pairs}},
      "Llama 2, 3.x, SmolLM2, TinyLlama",
      check,
      build,
  };
  return family;
}

}  // namespace tessera::models
