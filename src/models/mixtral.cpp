// Mixtral: Mistral's layers with a mixture of experts, whose shares are a softmax over the chosen ones.
#include <array>

#include "models/family.hpp"
#include "util/error.hpp"

namespace tessera::models {
namespace {

void read(const io::JsonReader& keys, io::ModelConfig& config) {
  io::read_usual_keys(keys, config);
  io::read_sliding_windows(keys, config, [](int) { return true; });
  config.num_experts = keys.integer("num_local_experts", 1).value_or(8);
  config.experts_per_token = keys.integer("num_experts_per_tok", 1).value_or(2);
  config.expert_intermediate_size = config.intermediate_size;
  keys.number("router_jitter_noise");  // of the training
}

void read_gguf(const io::GgufKeys& keys, io::ModelConfig& config) {
  io::read_usual_gguf_keys(keys, config);
  config.num_experts = keys.size("expert_count");
  config.experts_per_token = keys.size("expert_used_count");
  config.expert_intermediate_size = config.intermediate_size;
}

void check(const io::ModelConfig& config) {
  check_llama_like(config);
  check_experts(config);
}

std::unique_ptr<nn::CausalLm> build(const io::ModelConfig& config, const Precision& precision, int max_seq,
                                    nn::WeightSource& weights) {
  Builder builder(config, precision, max_seq, weights);
  return builder.model(
      [&](int i) { return builder.expert_layer(i, {"block_sparse_moe", "w1", "w3", "w2"}); });
}

constexpr std::array kNames{
    io::GgufName{"ffn_gate_inp", "block_sparse_moe.gate"},
    io::GgufName{"ffn_gate_exps", "block_sparse_moe.experts.*.w1"},
    io::GgufName{"ffn_down_exps", "block_sparse_moe.experts.*.w2"},
    io::GgufName{"ffn_up_exps", "block_sparse_moe.experts.*.w3"},
};

}  // namespace

const Architecture& mixtral() {
  static const Architecture family{
      {"MixtralForCausalLM",
       "mixtral",
       read,
       {.architecture = "llama",
        .rope_form = io::RopeForm::Pairs,
        .names = kNames,
        .read = read_gguf,
        .experts = true}},
      "Mixtral",
      check,
      build,
  };
  return family;
}

}  // namespace tessera::models
