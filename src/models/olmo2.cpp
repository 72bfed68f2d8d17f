// OLMo 2: norms after attention and MLP instead of before, and over whole projections of q and k.
#include <array>

#include "models/family.hpp"

namespace tessera::models {
namespace {

constexpr std::array kGgufNames{
    io::GgufName{"post_attention_norm", "post_attention_layernorm"},
    io::GgufName{"post_ffw_norm", "post_feedforward_layernorm"},
};

void read(const io::JsonReader& keys, io::ModelConfig& config) {
  io::read_usual_keys(keys, config);
  if (!keys.has("rms_norm_eps")) config.rms_norm_eps = 1e-5f;
  config.qkv_bias = config.o_bias = keys.boolean("attention_bias").value_or(false);
  config.qk_norm = io::QkNorm::Projection;
}

void read_gguf(const io::GgufKeys& keys, io::ModelConfig& config) {
  io::read_usual_gguf_keys(keys, config);
  config.qk_norm = io::QkNorm::Projection;
}

std::unique_ptr<nn::CausalLm> build(const io::ModelConfig& config, const Precision& precision, int max_seq,
                                    nn::WeightSource& weights) {
  Builder builder(config, precision, max_seq, weights);
  return builder.model([&](int i) {
    nn::DecoderLayer layer;
    layer.self_attn = builder.attention(i);
    layer.attention_output_norm = builder.output_norm(i, "post_attention_layernorm");
    layer.mlp = builder.mlp(i);
    layer.mlp_output_norm = builder.output_norm(i, "post_feedforward_layernorm");
    return layer;
  });
}

}  // namespace

const Architecture& olmo2() {
  static const Architecture family{
      {"Olmo2ForCausalLM", "olmo2", read, {"olmo2", io::RopeForm::Halves, kGgufNames, read_gguf}},
      "OLMo 2",
      check_llama_like,
      build,
  };
  return family;
}

}  // namespace tessera::models
