// Qwen 2 and 2.5 (biases on q, k and v) and Qwen 3 (norms on q and k instead).
#include "models/family.hpp"

namespace tessera::models {
namespace {

// The first max_window_layers have no window.
void read_windows(const io::JsonReader& keys, io::ModelConfig& config) {
  const int full = keys.integer("max_window_layers", 0).value_or(28);
  const bool used = keys.boolean("use_sliding_window").value_or(false);
  io::read_sliding_windows(keys, config, [=](int layer) { return used && layer >= full; });
}

void read_qwen2(const io::JsonReader& keys, io::ModelConfig& config) {
  io::read_usual_keys(keys, config);
  config.qkv_bias = true;
  read_windows(keys, config);
}

void read_qwen3(const io::JsonReader& keys, io::ModelConfig& config) {
  io::read_usual_keys(keys, config);
  config.qkv_bias = config.o_bias = keys.boolean("attention_bias").value_or(false);
  if (!keys.has("head_dim")) config.head_dim = 128;
  config.qk_norm = io::QkNorm::Head;
  read_windows(keys, config);
}

void read_qwen3_gguf(const io::GgufKeys& keys, io::ModelConfig& config) {
  io::read_usual_gguf_keys(keys, config);
  config.qk_norm = io::QkNorm::Head;
}

}  // namespace

const Architecture& qwen2() {
  static const Architecture family{
      {"Qwen2ForCausalLM", "qwen2", read_qwen2, {"qwen2"}},
      "Qwen 2, 2.5, 2.5-Coder",
      check_llama_like,
      build_llama_like,
  };
  return family;
}

const Architecture& qwen3() {
  static const Architecture family{
      {"Qwen3ForCausalLM", "qwen3", read_qwen3, {"qwen3", io::RopeForm::Halves, {}, read_qwen3_gguf}},
      "Qwen 3",
      check_llama_like,
      build_llama_like,
  };
  return family;
}

}  // namespace tessera::models
