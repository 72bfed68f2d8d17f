#pragma once
// A model's configuration as plain data: sizes and whatever changes the arithmetic, whatever file it came
// from. A family (models/<family>.cpp) fills it in; modules read it.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tessera::io {

/// How a head's channels pair up for rotary embedding: Hugging Face rotates (i, i + head_dim/2), Meta
/// rotates (2i, 2i + 1). GGUF files of the Llama family hold Q and K permuted to pairs.
enum class RopeForm { Halves, Pairs };

/// `rope_scaling` of config.json. type: "none", "linear", "dynamic", "yarn", "longrope", "llama3"; another
/// type is kept as read and refused when the model is checked.
struct RopeScaling {
  std::string type = "none";
  float factor = 1.0f;
  float low_freq_factor = 1.0f;
  float high_freq_factor = 4.0f;
  int original_max_position_embeddings = 0;
  // GGUF stores llama3 scaling as a per-frequency divisor tensor (rope_freqs.weight); empty elsewhere.
  std::vector<float> frequency_divisors = {};  // [rotary dim / 2]
  // yarn
  float beta_fast = 32.0f, beta_slow = 1.0f;
  float mscale = 0.0f, mscale_all_dim = 0.0f;
  bool truncate = true;
  float attention_factor = 0.0f;  // yarn, longrope: cos and sin are multiplied by it; 0: what the type says
  // longrope: divisors up to the original length, and beyond it
  std::vector<float> short_factor = {}, long_factor = {};  // [rotary dim / 2]
};

struct RopeParameters {
  float theta = 10000.0f;
  RopeScaling scaling;
};

enum class NormKind : std::uint8_t { Rms, Layer };

/// What is normalised of queries and keys before they are rotated.
enum class QkNorm : std::uint8_t {
  None,
  Head,        // every head by itself, one weight [head_dim] for all
  Projection,  // all heads of a token together, weight [heads * head_dim]
};

/// How a model knows where a token stands.
enum class Positions : std::uint8_t {
  Rotary,
  Learned,  // a table that is added to the embedding (GPT-2)
  Alibi,    // scores fall with the distance
};

/// How the rows of a projection that holds queries, keys and values lie.
enum class FusedRows : std::uint8_t {
  InTurn,   // all queries, all keys, all values
  ByGroup,  // of each key-value head: its queries, its key, its value
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

  NormKind norm = NormKind::Rms;
  float rms_norm_eps = 1e-6f;  // of every norm, whatever its kind
  float norm_offset = 0.0f;    // added to the weights of RMS norms (Gemma: 1)
  QkNorm qk_norm = QkNorm::None;

  Positions positions = Positions::Rotary;
  std::vector<float> alibi_slopes;  // by head, of the scaled scores
  float rope_theta = 10000.0f;
  RopeScaling rope_scaling;
  RopeForm rope_form = RopeForm::Halves;
  float partial_rotary_factor = 1.0f;          // how much of a head is rotated: its first channels
  std::optional<RopeParameters> sliding_rope;  // of layers with a sliding window, where they have their own
  std::vector<bool> no_rope;                   // by layer: positions are not rotated; empty: all are

  std::vector<int> sliding_windows;  // by layer: keys that a query sees, itself included; 0: all. Empty: all
  float attention_scale = 0.0f;      // q k^T is multiplied by it; 0: 1/sqrt(head_dim)
  float attention_softcap = 0.0f;    // scores s become cap * tanh(s / cap); 0: none
  float final_softcap = 0.0f;        // likewise the logits

  float embedding_multiplier = 1.0f;
  float residual_multiplier = 1.0f;  // of what attention and MLP add to the hidden states
  float logits_multiplier = 1.0f;

  std::string hidden_act = "silu";
  bool tie_word_embeddings = false;
  bool qkv_bias = false;
  bool o_bias = false;
  bool mlp_bias = false;

  FusedRows fused_rows = FusedRows::InTurn;
  bool parallel_layers = false;   // attention and MLP start from the same hidden states
  bool separate_mlp_norm = true;  // ... and do not share a norm
  /// Its tensor is called as that of a layer's only norm: llama.cpp's files of Falcon 40B.
  bool mlp_norm_is_input_layernorm = false;
  bool turned_weights = false;  // the checkpoint has its matrices as [in, out] (GPT-2)

  int num_experts = 0;  // 0: none of what follows
  int experts_per_token = 0;
  int expert_intermediate_size = 0;
  int shared_intermediate_size = 0;  // of the expert of all tokens, which has a gate; 0: none
  bool norm_topk_prob = true;        // the shares of a token's experts sum to 1
  std::vector<bool> dense;           // by layer: a plain MLP; empty: none

  /// Keys that may change the arithmetic and that the family did not read: a model with any is refused.
  std::vector<std::string> other_arithmetic;
  int bos_token_id = -1;           // -1: none
  std::vector<int> eos_token_ids;  // generation stops at any of them

  /// Keys that a query of `layer` sees; 0: all before it.
  int sliding_window(int layer) const {
    const auto i = static_cast<std::size_t>(layer);
    return i < sliding_windows.size() ? sliding_windows[i] : 0;
  }
  bool rotates(int layer) const {
    const auto i = static_cast<std::size_t>(layer);
    return i >= no_rope.size() || !no_rope[i];
  }
  bool has_experts(int layer) const {
    const auto i = static_cast<std::size_t>(layer);
    return num_experts > 0 && (i >= dense.size() || !dense[i]);
  }
  /// Channels of a head that are rotated.
  int rotary_dim() const {
    return static_cast<int>(partial_rotary_factor * static_cast<float>(head_dim) + 1e-3f);
  }
};

}  // namespace tessera::io
