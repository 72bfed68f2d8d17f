// SmolLM3: Llama in which every fourth layer does not rotate its queries and keys.
#include "models/family.hpp"

namespace tessera::models {
namespace {

void set_no_rope(io::ModelConfig& config, int interval) {
  for (int i = 0; i < config.num_hidden_layers; ++i) config.no_rope.push_back((i + 1) % interval == 0);
}

void read(const io::JsonReader& keys, io::ModelConfig& config) {
  io::read_usual_keys(keys, config);
  config.tie_word_embeddings = keys.boolean("tie_word_embeddings").value_or(true);
  config.qkv_bias = config.o_bias = keys.boolean("attention_bias").value_or(false);
  config.mlp_bias = keys.boolean("mlp_bias").value_or(false);
  const int interval = keys.integer("no_rope_layer_interval", 1).value_or(4);
  // 1 for a layer that rotates, whatever the key's name seems to say.
  if (const nlohmann::json* layers = keys.find("no_rope_layers")) {
    if (!layers->is_array() || layers->size() != static_cast<std::size_t>(config.num_hidden_layers))
      keys.wrong("no_rope_layers", "a list of 0 or 1, one a layer");
    for (const nlohmann::json& rotates : *layers) config.no_rope.push_back(rotates == 0);
  } else {
    set_no_rope(config, interval);
  }
  keys.find("max_window_layers");  // says nothing beside layer_types
  const bool windows = keys.boolean("use_sliding_window").value_or(false);
  const std::vector<bool> no_rope = config.no_rope;
  io::read_sliding_windows(keys, config,
                           [&](int layer) { return windows && no_rope[static_cast<std::size_t>(layer)]; });
}

void read_gguf(const io::GgufKeys& keys, io::ModelConfig& config) {
  io::read_usual_gguf_keys(keys, config);
  set_no_rope(config, 4);
}

}  // namespace

const Architecture& smollm3() {
  static const Architecture family{
      {"SmolLM3ForCausalLM", "smollm3", read, {"smollm3", io::RopeForm::Pairs, {}, read_gguf}},
      "SmolLM3",
      check_llama_like,
      build_llama_like,
  };
  return family;
}

}  // namespace tessera::models
