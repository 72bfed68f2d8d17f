#include "models/family.hpp"

#include "util/error.hpp"

namespace tessera::models {

void check_heads_divide(const io::ModelConfig& config, std::string_view key) {
  check(config.hidden_size % config.num_attention_heads == 0,
        "config: {} {} over {} heads: a multiple expected", key, config.hidden_size,
        config.num_attention_heads);
}

void check_llama_like(const io::ModelConfig& config) {
  check_activation(config, {"silu"});
  check_whole_heads_rotate(config);
}

std::unique_ptr<nn::CausalLm> build_llama_like(const io::ModelConfig& config, const Precision& precision,
                                               int max_seq, nn::WeightSource& weights) {
  Builder builder(config, precision, max_seq, weights);
  return builder.model([&](int i) { return builder.decoder_layer(i); });
}

}  // namespace tessera::models
