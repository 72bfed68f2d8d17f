// Gemma 2 and Gemma 3 (text): norms of 1 + w before and after attention and MLP, scaled embeddings, windows
// in most layers. Gemma 2 caps scores and logits; Gemma 3 normalises q and k and rotates the windows' layers
// with a base of their own.
#include <array>
#include <cmath>

#include "models/family.hpp"

namespace tessera::models {
namespace {

constexpr std::array kGgufNames{
    io::GgufName{"post_attention_norm", "post_attention_layernorm"},
    io::GgufName{"ffn_norm", "pre_feedforward_layernorm"},
    io::GgufName{"post_ffw_norm", "post_feedforward_layernorm"},
};

// What both files leave to the family.
void assume_gemma(io::ModelConfig& config) {
  config.embedding_multiplier = std::sqrt(static_cast<float>(config.hidden_size));
  config.hidden_act = "gelu_pytorch_tanh";
}

void read_gemma(const io::JsonReader& keys, io::ModelConfig& config, int period) {
  io::read_usual_keys(keys, config);
  assume_gemma(config);
  // Older files say "gelu" in hidden_act and mean the tanh form, which hidden_activation names.
  config.hidden_act = keys.text("hidden_activation").value_or("gelu_pytorch_tanh");
  config.tie_word_embeddings = keys.boolean("tie_word_embeddings").value_or(true);
  config.norm_offset = 1.0f;
  config.qkv_bias = config.o_bias = keys.boolean("attention_bias").value_or(false);
  if (!keys.has("head_dim")) config.head_dim = 256;
  config.attention_scale = 1.0f / std::sqrt(keys.positive("query_pre_attn_scalar").value_or(256.0f));
  io::read_sliding_windows(keys, config, [=](int layer) { return (layer + 1) % period != 0; });
  // Gemma 2 9B and 27B write it twice; transformers looks at sliding_window.
  if (keys.integer("sliding_window_size") != keys.integer("sliding_window") &&
      keys.has("sliding_window_size"))
    keys.wrong("sliding_window_size", "the value of sliding_window");
}

void read_gemma2(const io::JsonReader& keys, io::ModelConfig& config) {
  read_gemma(keys, config, 2);
  const auto cap = [&](const char* key, float otherwise) {
    return keys.members().contains(key) ? keys.positive(key).value_or(0.0f) : otherwise;
  };
  config.attention_softcap = cap("attn_logit_softcapping", 50.0f);
  config.final_softcap = cap("final_logit_softcapping", 30.0f);
}

void read_gemma3(const io::JsonReader& keys, io::ModelConfig& config) {
  const int pattern = keys.integer("_sliding_window_pattern", 1)
                          .value_or(keys.integer("sliding_window_pattern", 1).value_or(6));
  read_gemma(keys, config, pattern);
  config.qk_norm = io::QkNorm::Head;
  config.attention_softcap = keys.positive("attn_logit_softcapping").value_or(0.0f);
  config.final_softcap = keys.positive("final_logit_softcapping").value_or(0.0f);
  if (!keys.has("rope_theta") && !keys.has("rope_parameters")) config.rope_theta = 1e6f;
  const float local = keys.positive("rope_local_base_freq").value_or(10000.0f);
  if (!config.sliding_rope) config.sliding_rope = io::RopeParameters{local, {}};
}

// The converter has added 1 to the norms.
void read_gguf(const io::GgufKeys& keys, io::ModelConfig& config, int period) {
  io::read_usual_gguf_keys(keys, config);
  assume_gemma(config);
  config.attention_scale = 1.0f / std::sqrt(static_cast<float>(config.head_dim));
  const int window = keys.size("attention.sliding_window", 4096);
  for (int i = 0; i < config.num_hidden_layers; ++i)
    config.sliding_windows.push_back((i + 1) % period != 0 ? window : 0);
}

void read_gemma2_gguf(const io::GgufKeys& keys, io::ModelConfig& config) {
  read_gguf(keys, config, 2);
  // Gemma 2 27B is the one whose query_pre_attn_scalar is not its head_dim; the file does not say so.
  if (config.num_hidden_layers == 46)
    config.attention_scale = 1.0f / std::sqrt(static_cast<float>(config.hidden_size) /
                                              static_cast<float>(config.num_attention_heads));
  config.attention_softcap = keys.positive("attn_logit_softcapping", 50.0f);
  config.final_softcap = keys.positive("final_logit_softcapping", 30.0f);
}

void read_gemma3_gguf(const io::GgufKeys& keys, io::ModelConfig& config) {
  read_gguf(keys, config, 6);
  // Likewise Gemma 3 27B.
  if (config.num_hidden_layers == 62)
    config.attention_scale = 1.0f / std::sqrt(static_cast<float>(config.hidden_size) /
                                              static_cast<float>(config.num_attention_heads));
  config.qk_norm = io::QkNorm::Head;
  config.sliding_rope = io::RopeParameters{keys.positive("rope.freq_base_swa", 10000.0f), {}};
}

void check(const io::ModelConfig& config) {
  check_activation(config, {"gelu_pytorch_tanh"});
  check_whole_heads_rotate(config);
}

std::unique_ptr<nn::CausalLm> build(const io::ModelConfig& config, const Precision& precision, int max_seq,
                                    nn::WeightSource& weights) {
  Builder builder(config, precision, max_seq, weights);
  return builder.model([&](int i) {
    nn::DecoderLayer layer;
    layer.attention_norm = builder.layer_norm(i, "input_layernorm");
    layer.self_attn = builder.attention(i);
    layer.attention_output_norm = builder.output_norm(i, "post_attention_layernorm");
    layer.mlp_norm = builder.layer_norm(i, "pre_feedforward_layernorm");
    layer.mlp = builder.mlp(i);
    layer.mlp_output_norm = builder.output_norm(i, "post_feedforward_layernorm");
    return layer;
  });
}

}  // namespace

const Architecture& gemma2() {
  static const Architecture family{
      {"Gemma2ForCausalLM",
       "gemma2",
       read_gemma2,
       {"gemma2", io::RopeForm::Halves, kGgufNames, read_gemma2_gguf}},
      "Gemma 2",
      check,
      build,
  };
  return family;
}

const Architecture& gemma3() {
  static const Architecture family{
      {"Gemma3ForCausalLM",
       "gemma3_text",
       read_gemma3,
       {"gemma3", io::RopeForm::Halves, kGgufNames, read_gemma3_gguf}},
      "Gemma 3 (text)",
      check,
      build,
  };
  return family;
}

}  // namespace tessera::models
