#pragma once
// A model's configuration, with Hugging Face's names (config.json), whatever file it came from.
#include <string>
#include <vector>

namespace tessera::io {

/// How a head's channels pair up for rotary embedding: Hugging Face rotates (i, i + head_dim/2), Meta
/// rotates (2i, 2i + 1). GGUF files of the Llama family hold Q and K permuted to pairs.
enum class RopeForm { Halves, Pairs };

/// `rope_scaling` of config.json. type: "none", "linear", "llama3"; another type is kept as read and refused
/// by the model family that does not know it.
struct RopeScaling {
  std::string type = "none";
  float factor = 1.0f;
  float low_freq_factor = 1.0f;
  float high_freq_factor = 4.0f;
  int original_max_position_embeddings = 0;
  // GGUF stores llama3 scaling as a per-frequency divisor tensor (rope_freqs.weight); empty elsewhere.
  std::vector<float> frequency_divisors;  // [head_dim / 2]
};

struct ModelConfig {
  std::string architecture;  // architectures[0]: "LlamaForCausalLM"
  std::string model_type;    // "llama"
  int vocab_size = 0;
  int hidden_size = 0;
  int intermediate_size = 0;
  int num_hidden_layers = 0;
  int num_attention_heads = 0;
  int num_key_value_heads = 0;
  int head_dim = 0;
  int max_position_embeddings = 0;
  float rms_norm_eps = 1e-6f;
  float rope_theta = 10000.0f;
  RopeScaling rope_scaling;
  RopeForm rope_form = RopeForm::Halves;
  std::string hidden_act = "silu";
  bool tie_word_embeddings = false;
  bool attention_bias = false;
  bool mlp_bias = false;
  /// Keys that change the arithmetic and have no field here ("sliding_window"): a family that does not know
  /// them refuses the model.
  std::vector<std::string> other_arithmetic;
  int bos_token_id = -1;           // -1: none
  std::vector<int> eos_token_ids;  // generation stops at any of them
};

}  // namespace tessera::io
