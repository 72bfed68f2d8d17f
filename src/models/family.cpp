#include "models/family.hpp"

namespace tessera::models {

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
