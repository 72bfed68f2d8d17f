// Mistral 7B, Nemo, Small: Llama with a sliding window in every layer, in the first versions. llama.cpp
// writes them as Llama.
#include "models/family.hpp"

namespace tessera::models {
namespace {

void read(const io::JsonReader& keys, io::ModelConfig& config) {
  io::read_usual_keys(keys, config);
  io::read_sliding_windows(keys, config, [](int) { return true; });
  // transformers assumes a window where config.json does not speak of one; null says that there is none.
  if (!keys.members().contains("sliding_window"))
    config.sliding_windows.assign(static_cast<std::size_t>(config.num_hidden_layers), 4096);
}

}  // namespace

const Architecture& mistral() {
  static const Architecture family{
      {"MistralForCausalLM", "mistral", read},
      "Mistral 7B, Nemo, Small",
      check_llama_like,
      build_llama_like,
  };
  return family;
}

}  // namespace tessera::models
