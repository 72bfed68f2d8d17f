// Phi-3 and Phi-4: q, k and v in one tensor, gate and up in another, longrope, part of a head rotated.
#include <array>

#include "models/family.hpp"

namespace tessera::models {
namespace {

constexpr std::array kGgufNames{
    io::GgufName{"attn_qkv", "self_attn.qkv_proj"},
    io::GgufName{"ffn_up", "mlp.gate_up_proj"},
};

void read(const io::JsonReader& keys, io::ModelConfig& config) {
  io::read_usual_keys(keys, config);
  io::read_sliding_windows(keys, config, [](int) { return true; });
  // Phi-4-mini writes both, and its own code would do something else with other values.
  for (const char* key : {"full_attn_mod", "interpolate_factor"}) {
    if (keys.integer(key).value_or(1) != 1) keys.wrong(key, "1");
  }
}

void read_gguf(const io::GgufKeys& keys, io::ModelConfig& config) {
  io::read_usual_gguf_keys(keys, config);
  if (!keys.has("attention.sliding_window")) return;
  const std::int64_t window = keys.gguf().integer(keys.full("attention.sliding_window")).value_or(0);
  if (window > 0 && window < config.max_position_embeddings)
    config.sliding_windows.assign(static_cast<std::size_t>(config.num_hidden_layers),
                                  static_cast<int>(window));
}

void check(const io::ModelConfig& config) {
  check_activation(config, {"silu"});
}

std::unique_ptr<nn::CausalLm> build(const io::ModelConfig& config, const Precision& precision, int max_seq,
                                    nn::WeightSource& weights) {
  Builder builder(config, precision, max_seq, weights);
  return builder.model([&](int i) {
    nn::DecoderLayer layer;
    layer.attention_norm = builder.layer_norm(i, "input_layernorm");
    layer.self_attn = builder.fused_attention(i);
    layer.mlp_norm = builder.layer_norm(i, "post_attention_layernorm");
    layer.mlp = builder.fused_mlp(i);
    return layer;
  });
}

}  // namespace

const Architecture& phi3() {
  static const Architecture family{
      {"Phi3ForCausalLM", "phi3", read, {"phi3", io::RopeForm::Halves, kGgufNames, read_gguf}},
      "Phi-3, Phi-3.5, Phi-4",
      check,
      build,
  };
  return family;
}

}  // namespace tessera::models
