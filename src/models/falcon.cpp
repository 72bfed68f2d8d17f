// Falcon: LayerNorm, attention and MLP side by side with one key-value head (7B) or a few and two norms (40B,
// 180B), or one after the other with ALiBi (RW).
#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>

#include "models/family.hpp"

namespace tessera::models {
namespace {

// A head's slope (Press et al. 2022): powers of 2^(-8/n) for the largest power of two n that is no more than
// the heads, then every other one of those for 2n.
std::vector<float> alibi_slopes(int heads, float scale) {
  const int n = static_cast<int>(std::bit_floor(static_cast<unsigned>(heads)));
  std::vector<float> slopes;
  for (int i = 0; i < heads; ++i) {
    const double step = i < n ? 8.0 / n : 4.0 / n;
    const int power = i < n ? i + 1 : 2 * (i - n) + 1;
    slopes.push_back(scale * static_cast<float>(std::exp2(-step * power)));
  }
  return slopes;
}

void read(const io::JsonReader& keys, io::ModelConfig& config) {
  config.vocab_size = io::required_size(keys, "vocab_size");
  config.hidden_size = io::required_size(keys, "hidden_size");
  config.num_hidden_layers = io::required_size(keys, keys.has("n_layer") ? "n_layer" : "num_hidden_layers");
  config.num_attention_heads = io::required_size(keys, keys.has("n_head") ? "n_head" : "num_attention_heads");
  const bool grouped = keys.boolean("new_decoder_architecture").value_or(false);
  const bool one_head = keys.boolean("multi_query").value_or(true);
  const int kv_heads = keys.integer(keys.has("n_head_kv") ? "n_head_kv" : "num_kv_heads", 1)
                           .value_or(config.num_attention_heads);
  config.num_key_value_heads = grouped || !one_head ? kv_heads : 1;
  config.head_dim = config.hidden_size / config.num_attention_heads;
  config.intermediate_size = keys.integer("ffn_hidden_size", 1).value_or(4 * config.hidden_size);
  // Falcon 11B writes it beside ffn_hidden_size, which is what transformers looks at.
  const std::int64_t factor = keys.integer("ff_factor", 1).value_or(0);
  if (factor > 0 && factor * config.hidden_size != config.intermediate_size)
    keys.wrong("ff_factor", fmt::format("{} / {}", config.intermediate_size, config.hidden_size));
  config.max_position_embeddings = keys.integer("max_position_embeddings", 1).value_or(2048);
  config.norm = io::NormKind::Layer;
  config.rms_norm_eps = keys.positive("layer_norm_epsilon").value_or(1e-5f);
  config.hidden_act = keys.text("activation").value_or("gelu");
  config.tie_word_embeddings = keys.boolean("tie_word_embeddings").value_or(true);
  config.qkv_bias = config.o_bias = config.mlp_bias = keys.boolean("bias").value_or(false);
  config.fused_rows = io::FusedRows::ByGroup;
  config.parallel_layers = keys.boolean("parallel_attn").value_or(true) || grouped;
  config.separate_mlp_norm =
      !config.parallel_layers || (grouped && keys.integer("num_ln_in_parallel_attn", 1).value_or(2) == 2);
  io::read_rope_keys(keys, config);
  if (keys.boolean("alibi").value_or(false)) {
    // A damaged configuration may have any number of heads.
    if (config.num_attention_heads > 4096) keys.wrong("alibi", "false for more than 4096 heads");
    config.positions = io::Positions::Alibi;
    // The scale of the scores is also that of the slopes.
    config.alibi_slopes =
        alibi_slopes(config.num_attention_heads, 1.0f / std::sqrt(static_cast<float>(config.head_dim)));
  }
}

void read_gguf(const io::GgufKeys& keys, io::ModelConfig& config) {
  io::read_usual_gguf_keys(keys, config);
  config.norm = io::NormKind::Layer;
  config.rms_norm_eps = keys.positive("attention.layer_norm_epsilon", 1e-5f);
  config.hidden_act = "gelu";
  config.parallel_layers = true;
  config.separate_mlp_norm = keys.has_tensor("blk.0.attn_norm_2.weight");
  config.mlp_norm_is_input_layernorm = config.separate_mlp_norm;
}

void check(const io::ModelConfig& config) {
  check_activation(config, {"gelu"});
  check_whole_heads_rotate(config);
  check_heads_divide(config, "hidden_size");
}

std::unique_ptr<nn::CausalLm> build(const io::ModelConfig& config, const Precision& precision, int max_seq,
                                    nn::WeightSource& weights) {
  Builder builder(config, precision, max_seq, weights);
  const auto layer = [&](int i) {
    const std::string key = fmt::format("layers.{}.", i), module = fmt::format("transformer.h.{}.", i);
    const bool two = config.parallel_layers && config.separate_mlp_norm;
    const char* mlp_norm = config.mlp_norm_is_input_layernorm ? "input_layernorm" : "ln_mlp";
    const auto norm = [&](const char* name, const char* tensor) {
      return builder.stream_norm(name, key, module + tensor);
    };
    nn::DecoderLayer result;
    result.parallel = config.parallel_layers;
    result.attention_norm = norm("input_layernorm", two ? "ln_attn" : "input_layernorm");
    result.self_attn = builder.fused_attention(i, module + "self_attention.query_key_value",
                                               module + "self_attention.dense");
    if (config.separate_mlp_norm)
      result.mlp_norm = norm("post_attention_layernorm", two ? mlp_norm : "post_attention_layernorm");
    result.mlp = builder.plain_mlp(i, module + "mlp.dense_h_to_4h", module + "mlp.dense_4h_to_h");
    return result;
  };
  return builder.model(layer, {"transformer.word_embeddings", "transformer.ln_f", "lm_head"});
}

// Of two norms llama.cpp's first one is the MLP's.
constexpr std::array kNames{
    io::GgufName{"token_embd", "transformer.word_embeddings"},
    io::GgufName{"output_norm", "transformer.ln_f"},
    io::GgufName{"attn_norm", "input_layernorm"},
    io::GgufName{"attn_norm_2", "ln_attn"},
    io::GgufName{"attn_qkv", "self_attention.query_key_value"},
    io::GgufName{"attn_output", "self_attention.dense"},
    io::GgufName{"ffn_up", "mlp.dense_h_to_4h"},
    io::GgufName{"ffn_down", "mlp.dense_4h_to_h"},
};

}  // namespace

const Architecture& falcon() {
  static const Architecture family{
      {"FalconForCausalLM",
       "falcon",
       read,
       {.architecture = "falcon", .names = kNames, .read = read_gguf, .layer_prefix = "transformer.h."}},
      "Falcon 7B, 40B, 180B, RW",
      check,
      build,
  };
  return family;
}

}  // namespace tessera::models
