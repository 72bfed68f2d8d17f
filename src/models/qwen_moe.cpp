// Qwen2-MoE (an expert of all tokens behind a gate, shares that do not sum to 1) and Qwen3-MoE (norms of
// queries and keys): Qwen's layers, some of them with a mixture of experts.
#include <array>

#include "models/family.hpp"
#include "util/error.hpp"

namespace tessera::models {
namespace {

// Layers without experts: those listed, and all but each decoder_sparse_step-th.
void read_dense_layers(const io::JsonReader& keys, io::ModelConfig& config) {
  const int step = keys.integer("decoder_sparse_step", 1).value_or(1);
  const auto* listed = keys.find("mlp_only_layers");
  if (listed != nullptr && !listed->is_array()) keys.wrong("mlp_only_layers", "a list of layers");
  // A damaged configuration may have any number of layers.
  if (config.num_hidden_layers > 10000) keys.wrong("num_hidden_layers", "at most 10000");
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    bool dense = (i + 1) % step != 0;
    for (const auto& layer : listed == nullptr ? nlohmann::json::array() : *listed)
      dense = dense || layer == i;
    config.dense.push_back(dense);
  }
}

// The sizes are those that transformers assumes.
void read_experts(const io::JsonReader& keys, io::ModelConfig& config, int experts, int per_token,
                  int inner) {
  io::read_usual_keys(keys, config);
  config.num_experts =
      keys.integer(keys.has("num_local_experts") ? "num_local_experts" : "num_experts", 1).value_or(experts);
  config.experts_per_token = keys.integer("num_experts_per_tok", 1).value_or(per_token);
  config.expert_intermediate_size = keys.integer("moe_intermediate_size", 1).value_or(inner);
  config.norm_topk_prob = keys.boolean("norm_topk_prob").value_or(false);
  read_dense_layers(keys, config);
}

void read_qwen2(const io::JsonReader& keys, io::ModelConfig& config) {
  read_experts(keys, config, 60, 4, 1408);
  config.qkv_bias = keys.boolean("qkv_bias").value_or(true);
  // transformers gives every other of the first max_window_layers the window.
  const int windowed = keys.integer("max_window_layers", 0).value_or(28);
  const bool used = keys.boolean("use_sliding_window").value_or(false);
  io::read_sliding_windows(keys, config,
                           [=](int layer) { return used && layer % 2 == 0 && layer < windowed; });
  config.shared_intermediate_size = keys.integer("shared_expert_intermediate_size", 1).value_or(5632);
}

void read_qwen3(const io::JsonReader& keys, io::ModelConfig& config) {
  read_experts(keys, config, 128, 8, 768);
  config.qk_norm = io::QkNorm::Head;
  keys.has("max_window_layers");  // transformers does not look at it: the window is of all layers or none
  const bool used = keys.boolean("use_sliding_window").value_or(false);
  io::read_sliding_windows(keys, config, [=](int) { return used; });
  config.qkv_bias = config.o_bias = keys.boolean("attention_bias").value_or(false);
}

void read_gguf(const io::GgufKeys& keys, io::ModelConfig& config) {
  io::read_usual_gguf_keys(keys, config);
  config.num_experts = keys.size("expert_count");
  config.experts_per_token = keys.size("expert_used_count");
  config.expert_intermediate_size = keys.size("expert_feed_forward_length");
}

void read_gguf_qwen2(const io::GgufKeys& keys, io::ModelConfig& config) {
  read_gguf(keys, config);
  config.shared_intermediate_size = keys.size("expert_shared_feed_forward_length");
  config.norm_topk_prob = false;
}

void read_gguf_qwen3(const io::GgufKeys& keys, io::ModelConfig& config) {
  read_gguf(keys, config);
  config.qk_norm = io::QkNorm::Head;
}

void check(const io::ModelConfig& config) {
  check_llama_like(config);
  check_experts(config);
}

std::unique_ptr<nn::CausalLm> build(const io::ModelConfig& config, const Precision& precision, int max_seq,
                                    nn::WeightSource& weights) {
  Builder builder(config, precision, max_seq, weights);
  return builder.model(
      [&](int i) { return config.has_experts(i) ? builder.expert_layer(i) : builder.decoder_layer(i); });
}

constexpr std::array kNames{
    io::GgufName{"ffn_gate_inp", "mlp.gate"},
    io::GgufName{"ffn_gate_exps", "mlp.experts.*.gate_proj"},
    io::GgufName{"ffn_up_exps", "mlp.experts.*.up_proj"},
    io::GgufName{"ffn_down_exps", "mlp.experts.*.down_proj"},
    io::GgufName{"ffn_gate_inp_shexp", "mlp.shared_expert_gate"},
    io::GgufName{"ffn_gate_shexp", "mlp.shared_expert.gate_proj"},
    io::GgufName{"ffn_up_shexp", "mlp.shared_expert.up_proj"},
    io::GgufName{"ffn_down_shexp", "mlp.shared_expert.down_proj"},
};

}  // namespace

const Architecture& qwen2_moe() {
  static const Architecture family{
      {"Qwen2MoeForCausalLM",
       "qwen2_moe",
       read_qwen2,
       {.architecture = "qwen2moe", .names = kNames, .read = read_gguf_qwen2, .experts = true}},
      "Qwen2-MoE",
      check,
      build,
  };
  return family;
}

const Architecture& qwen3_moe() {
  static const Architecture family{
      {"Qwen3MoeForCausalLM",
       "qwen3_moe",
       read_qwen3,
       {.architecture = "qwen3moe", .names = kNames, .read = read_gguf_qwen3, .experts = true}},
      "Qwen3-MoE",
      check,
      build,
  };
  return family;
}

}  // namespace tessera::models
