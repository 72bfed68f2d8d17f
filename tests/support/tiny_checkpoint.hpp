#pragma once
// A small random Llama that behaves like a trained one: hidden states of an uneven scale, attention that
// looks somewhere, logits with clear winners, so that its greedy text is the same on every engine. Written as
// what users have: a Hugging Face folder or a GGUF file of the same weights.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace tessera::test {

struct TinyOptions {
  int layers = 3;
  int hidden = 64;
  int heads = 4;
  int kv_heads = 2;
  int head_dim = 16;
  int intermediate = 128;
  int vocab = 1504;  // at least the tokenizer's 1501
  int max_positions = 256;
  bool tied = false;
  bool llama3_rope = false;     // rope scaling with factor 8 over 64 original positions
  bool attention_bias = false;  // biases on q, k, v and o
  bool mlp_bias = false;
  bool chat_template = true;
  float rms_norm_eps = 1e-5f;
  std::string dtype = "F32";  // of the matrices: "F32", "BF16" or "F16"
  int shards = 1;             // Hugging Face folder: safetensors files, with an index from 2 on
  std::uint64_t seed = 1;
  /// Hugging Face folder: a JSON object laid over config.json (null removes a key).
  std::string config_patch = "{}";
};

/// The shapes that are easily got wrong: sizes off the tile, head_dim that is not hidden / heads, biases,
/// llama3 rotation, tied embeddings.
inline TinyOptions odd_options() {
  TinyOptions options;
  options.layers = 2;
  options.hidden = 84;  // transformers wants a multiple of the heads
  options.heads = 6;
  options.kv_heads = 3;
  options.head_dim = 24;
  options.intermediate = 144;
  options.tied = options.llama3_rope = options.attention_bias = options.mlp_bias = true;
  return options;
}

/// A tensor by Hugging Face's name and shape, its values already rounded to the options' dtype.
struct TinyTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

/// All weights, in a checkpoint's usual order.
std::vector<TinyTensor> tiny_weights(const TinyOptions& options);

/// config.json, generation_config.json, tokenizer.json, tokenizer_config.json and the safetensors.
void write_tiny_folder(const std::filesystem::path& folder, const TinyOptions& options = {});
/// The same with other weights than tiny_weights(): what is left out or misshapen is so in the file.
void write_tiny_folder(const std::filesystem::path& folder, const TinyOptions& options,
                       const std::vector<TinyTensor>& weights);

/// A GGUF file as llama.cpp's converter writes it: q and k permuted to pairs, vectors as F32, llama3 scaling
/// as a table of divisors.
void write_tiny_gguf(const std::filesystem::path& file, const TinyOptions& options = {});
/// The same with other weights, as above.
void write_tiny_gguf(const std::filesystem::path& file, const TinyOptions& options,
                     const std::vector<TinyTensor>& weights);

/// Values as stored bytes of "F32", "BF16" or "F16".
std::string encode_values(const std::vector<float>& values, const std::string& dtype);

/// The chat template of both forms (ChatML).
std::string tiny_chat_template();

}  // namespace tessera::test
