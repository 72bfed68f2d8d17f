// GPT-2: LayerNorm, learned positions, a fused projection, matrices held as [in, out].
#include <fmt/format.h>

#include <array>

#include "models/family.hpp"

namespace tessera::models {
namespace {

void read(const io::JsonReader& keys, io::ModelConfig& config) {
  config.vocab_size = io::required_size(keys, "vocab_size");
  config.hidden_size = io::required_size(keys, "n_embd");
  config.num_hidden_layers = io::required_size(keys, "n_layer");
  config.num_attention_heads = config.num_key_value_heads = io::required_size(keys, "n_head");
  config.head_dim = config.hidden_size / config.num_attention_heads;
  config.intermediate_size = keys.integer("n_inner", 1).value_or(4 * config.hidden_size);
  config.max_position_embeddings = io::required_size(keys, "n_positions");
  config.hidden_act = keys.text("activation_function").value_or("gelu_new");
  config.rms_norm_eps = keys.positive("layer_norm_epsilon").value_or(1e-5f);
  config.tie_word_embeddings = keys.boolean("tie_word_embeddings").value_or(true);
  config.turned_weights = true;
  if (!keys.boolean("scale_attn_weights").value_or(true)) config.attention_scale = 1.0f;
  // n_ctx is n_positions; the order of a cast; a head for classification.
  for (const char* key : {"n_ctx", "reorder_and_upcast_attn", "summary_activation", "summary_first_dropout",
                          "summary_proj_to_labels", "summary_type", "summary_use_proj"})
    keys.has(key);
}

// What is the same in both kinds of files.
void complete(io::ModelConfig& config) {
  config.norm = io::NormKind::Layer;
  config.positions = io::Positions::Learned;
  config.qkv_bias = config.o_bias = config.mlp_bias = true;
}

void read_config(const io::JsonReader& keys, io::ModelConfig& config) {
  read(keys, config);
  complete(config);
}

void read_gguf(const io::GgufKeys& keys, io::ModelConfig& config) {
  io::read_usual_gguf_keys(keys, config);
  config.rms_norm_eps = keys.positive("attention.layer_norm_epsilon", 1e-5f);
  config.hidden_act = "gelu_new";
  complete(config);
}

void check(const io::ModelConfig& config) {
  check_activation(config, {"gelu", "gelu_fast", "gelu_new", "gelu_pytorch_tanh"});
  check_heads_divide(config, "n_embd");
}

std::unique_ptr<nn::CausalLm> build(const io::ModelConfig& config, const Precision& precision, int max_seq,
                                    nn::WeightSource& weights) {
  Builder builder(config, precision, max_seq, weights);
  const auto layer = [&](int i) {
    const std::string key = fmt::format("layers.{}.", i), module = fmt::format("transformer.h.{}.", i);
    nn::DecoderLayer result;
    result.attention_norm = builder.stream_norm("input_layernorm", key, module + "ln_1");
    result.self_attn = builder.fused_attention(i, module + "attn.c_attn", module + "attn.c_proj");
    result.mlp_norm = builder.stream_norm("post_attention_layernorm", key, module + "ln_2");
    result.mlp = builder.plain_mlp(i, module + "mlp.c_fc", module + "mlp.c_proj");
    return result;
  };
  return builder.model(layer, {"transformer.wte", "transformer.ln_f", "lm_head", "transformer.wpe"});
}

constexpr std::array kNames{
    io::GgufName{"token_embd", "transformer.wte"},
    io::GgufName{"position_embd", "transformer.wpe"},
    io::GgufName{"output_norm", "transformer.ln_f"},
    io::GgufName{"attn_norm", "ln_1"},
    io::GgufName{"attn_qkv", "attn.c_attn"},
    io::GgufName{"attn_output", "attn.c_proj"},
    io::GgufName{"ffn_norm", "ln_2"},
    io::GgufName{"ffn_up", "mlp.c_fc"},
    io::GgufName{"ffn_down", "mlp.c_proj"},
};

// The causal mask, in old checkpoints.
constexpr std::array<std::string_view, 2> kTables{".attn.bias", ".attn.masked_bias"};

}  // namespace

const Architecture& gpt2() {
  static const Architecture family{
      {"GPT2LMHeadModel",
       "gpt2",
       read_config,
       {.architecture = "gpt2", .names = kNames, .read = read_gguf, .layer_prefix = "transformer.h."},
       "transformer.",
       kTables},
      "GPT-2",
      check,
      build,
  };
  return family;
}

}  // namespace tessera::models
