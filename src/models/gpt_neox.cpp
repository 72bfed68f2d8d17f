// GPT-NeoX, Pythia: LayerNorm, rotation of a part of a head, attention and MLP side by side, each with its
// norm.
#include <fmt/format.h>

#include <array>

#include "models/family.hpp"

namespace tessera::models {
namespace {

void read(const io::JsonReader& keys, io::ModelConfig& config) {
  io::read_usual_keys(keys, config);
  config.norm = io::NormKind::Layer;
  config.rms_norm_eps = keys.positive("layer_norm_eps").value_or(1e-5f);
  config.hidden_act = keys.text("hidden_act").value_or("gelu");
  config.partial_rotary_factor = keys.positive("rotary_pct").value_or(config.partial_rotary_factor);
  config.rope_theta = keys.positive("rotary_emb_base").value_or(config.rope_theta);
  config.parallel_layers = keys.boolean("use_parallel_residual").value_or(true);
  config.qkv_bias = config.o_bias = keys.boolean("attention_bias").value_or(true);
  config.mlp_bias = true;
  config.fused_rows = io::FusedRows::ByGroup;
}

void read_gguf(const io::GgufKeys& keys, io::ModelConfig& config) {
  io::read_usual_gguf_keys(keys, config);
  config.norm = io::NormKind::Layer;
  config.rms_norm_eps = keys.positive("attention.layer_norm_epsilon", 1e-5f);
  config.hidden_act = "gelu";
  config.parallel_layers = keys.flag("use_parallel_residual", true);
}

void check(const io::ModelConfig& config) {
  check_activation(config, {"gelu", "gelu_fast", "gelu_new", "gelu_pytorch_tanh"});
  check_heads_divide(config, "hidden_size");
}

std::unique_ptr<nn::CausalLm> build(const io::ModelConfig& config, const Precision& precision, int max_seq,
                                    nn::WeightSource& weights) {
  Builder builder(config, precision, max_seq, weights);
  const auto layer = [&](int i) {
    const std::string key = fmt::format("layers.{}.", i), module = "gpt_neox." + key;
    nn::DecoderLayer result;
    result.parallel = config.parallel_layers;
    result.attention_norm = builder.stream_norm("input_layernorm", key, module + "input_layernorm");
    result.self_attn =
        builder.fused_attention(i, module + "attention.query_key_value", module + "attention.dense");
    result.mlp_norm =
        builder.stream_norm("post_attention_layernorm", key, module + "post_attention_layernorm");
    result.mlp = builder.plain_mlp(i, module + "mlp.dense_h_to_4h", module + "mlp.dense_4h_to_h");
    return result;
  };
  return builder.model(layer, {"gpt_neox.embed_in", "gpt_neox.final_layer_norm", "embed_out"});
}

constexpr std::array kNames{
    io::GgufName{"token_embd", "gpt_neox.embed_in"},
    io::GgufName{"output_norm", "gpt_neox.final_layer_norm"},
    io::GgufName{"output", "embed_out"},
    io::GgufName{"attn_qkv", "attention.query_key_value"},
    io::GgufName{"attn_output", "attention.dense"},
    io::GgufName{"ffn_up", "mlp.dense_h_to_4h"},
    io::GgufName{"ffn_down", "mlp.dense_4h_to_h"},
};

// The causal mask and the rotary frequencies, in old checkpoints.
constexpr std::array<std::string_view, 2> kTables{".attention.bias", ".attention.masked_bias"};

}  // namespace

const Architecture& gpt_neox() {
  static const Architecture family{
      {"GPTNeoXForCausalLM",
       "gpt_neox",
       read,
       {.architecture = "gptneox", .names = kNames, .read = read_gguf, .layer_prefix = "gpt_neox.layers."},
       "gpt_neox.",
       kTables},
      "GPT-NeoX, Pythia",
      check,
      build,
  };
  return family;
}

}  // namespace tessera::models
