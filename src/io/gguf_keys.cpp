#include "io/gguf_keys.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "io/byte_reader.hpp"
#include "io/gguf_dequant.hpp"
#include "util/error.hpp"

namespace tessera::io {
namespace {

/// A table of a divisor a frequency, as llama.cpp's converter writes scaled rotation.
std::vector<float> divisors(const GgufKeys& keys, const GgufTensor& tensor, const ModelConfig& config) {
  const std::string& file = keys.gguf().file();
  const int rotated = config.rotary_dim();
  if (rotated % 2 != 0 || tensor.values != static_cast<std::uint64_t>(rotated / 2)) {
    fail_user("{} cannot be used: {} has {} values and head_dim is {}: it must have half as many", file,
              tensor.name, tensor.values, rotated);
  }
  std::vector<float> values(static_cast<std::size_t>(tensor.values));
  dequantize(tensor.type, tensor.data, values);
  for (const float divisor : values) {
    if (!(divisor > 0) || !std::isfinite(divisor))
      fail_user("{} cannot be used: {} holds {}: divisors are positive", file, tensor.name, divisor);
  }
  return values;
}

void read_rope(const GgufKeys& keys, ModelConfig& config) {
  config.rope_theta = keys.positive("rope.freq_base", 10000.0f);
  const int rotated = keys.size("rope.dimension_count", std::max(config.head_dim, 1));
  if (keys.required() && rotated > config.head_dim) keys.bad("rope.dimension_count", rotated);
  if (config.head_dim > 0)
    config.partial_rotary_factor = static_cast<float>(rotated) / static_cast<float>(config.head_dim);
  RopeScaling& scaling = config.rope_scaling;
  const std::string type = keys.full("rope.scaling.type");
  scaling.type = keys.has("rope.scaling.type") ? std::string(keys.gguf().text(type).value()) : "none";
  scaling.factor = keys.positive("rope.scaling.factor", 1.0f);
  scaling.original_max_position_embeddings =
      keys.size("rope.scaling.original_context_length", std::max(config.max_position_embeddings, 1));
  scaling.attention_factor =
      keys.has("rope.scaling.attn_factor") ? keys.positive("rope.scaling.attn_factor", 1) : 0;
  scaling.beta_fast = keys.positive("rope.scaling.yarn_beta_fast", scaling.beta_fast);
  scaling.beta_slow = keys.positive("rope.scaling.yarn_beta_slow", scaling.beta_slow);
  if (!keys.required()) return;
  if (const GgufTensor* table = keys.find_tensor("rope_freqs.weight")) {
    scaling.type = "llama3";
    scaling.frequency_divisors = divisors(keys, *table, config);
  }
  const GgufTensor* long_table = keys.find_tensor("rope_factors_long.weight");
  const GgufTensor* short_table = keys.find_tensor("rope_factors_short.weight");
  if (long_table == nullptr || short_table == nullptr) return;
  scaling.type = "longrope";
  scaling.long_factor = divisors(keys, *long_table, config);
  scaling.short_factor = divisors(keys, *short_table, config);
}

int vocab_size(const GgufKeys& keys) {
  std::uint64_t size = 0;
  const auto& metadata = keys.gguf().metadata();
  const auto it = metadata.find("tokenizer.ggml.tokens");
  if (it != metadata.end()) {
    if (const auto* array = std::get_if<GgufArray>(&it->second)) size = array->count;
  }
  const GgufTensor* embedding = keys.find_tensor("token_embd.weight");
  if (embedding != nullptr && embedding->dims.size() == 2) size = embedding->dims[1];
  if (size > static_cast<std::uint64_t>(std::numeric_limits<int>::max())) size = 0;
  return keys.size("vocab_size", static_cast<int>(size));
}

}  // namespace

std::string GgufKeys::full(std::string_view key) const {
  return prefix_ + "." + std::string(key);
}

const GgufTensor* GgufKeys::find_tensor(std::string_view name) const {
  for (const GgufTensor& tensor : gguf_.tensors()) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

bool GgufKeys::has(std::string_view key) const {
  asked_.insert(full(key));
  return gguf_.metadata().contains(full(key));
}

bool GgufKeys::flag(std::string_view key, bool otherwise) const {
  asked_.insert(full(key));
  const auto it = gguf_.metadata().find(full(key));
  if (it == gguf_.metadata().end()) return otherwise;
  const auto* value = std::get_if<bool>(&it->second);
  if (value == nullptr)
    fail_user("{} cannot be used: metadata '{}' is no boolean: convert the model again", gguf_.file(),
              printable(full(key)));
  return *value;
}

int GgufKeys::size(std::string_view key, int otherwise) const {
  asked_.insert(full(key));
  if (!required_ && is_array(full(key))) return otherwise;
  const auto value = gguf_.integer(full(key));
  if (!value) {
    if (required_ && otherwise == 0) missing(key);
    return otherwise;
  }
  if (*value < 1 || *value > std::numeric_limits<int>::max()) bad(key, static_cast<double>(*value));
  return static_cast<int>(*value);
}

float GgufKeys::positive(std::string_view key, float otherwise) const {
  asked_.insert(full(key));
  const double value = gguf_.number(full(key)).value_or(otherwise);
  if (!(value > 0) || value > std::numeric_limits<float>::max()) bad(key, value);
  return static_cast<float>(value);
}

bool GgufKeys::is_array(const std::string& key) const {
  const auto it = gguf_.metadata().find(key);
  return it != gguf_.metadata().end() && std::holds_alternative<GgufArray>(it->second);
}

void GgufKeys::missing(std::string_view key) const {
  fail_user("{} cannot be used: metadata '{}' is missing: convert the model again", gguf_.file(),
            printable(full(key)));
}

void GgufKeys::bad(std::string_view key, double value) const {
  fail_user("{} cannot be used: metadata '{}' is {}: convert the model again", gguf_.file(),
            printable(full(key)), value);
}

std::vector<std::string> GgufKeys::unknown() const {
  std::vector<std::string> unknown;
  for (const auto& [key, value] : gguf_.metadata()) {
    if (!key.starts_with(prefix_ + ".") || asked_.contains(std::string(key))) continue;
    const auto* integer = std::get_if<std::uint64_t>(&value);
    const auto* flag = std::get_if<bool>(&value);
    const bool off = (integer != nullptr && *integer == 0) || (flag != nullptr && !*flag);
    // How the file was made, and what the training was.
    const bool harmless = key.ends_with(".tensor_data_layout") || key.ends_with(".rope.scaling.finetuned") ||
                          key.ends_with(".attention.causal");
    if (!off && !harmless) unknown.emplace_back(key);
  }
  return unknown;
}

void read_usual_gguf_keys(const GgufKeys& keys, ModelConfig& config) {
  config.vocab_size = vocab_size(keys);
  config.hidden_size = keys.size("embedding_length");
  config.intermediate_size = keys.size("feed_forward_length");
  config.num_hidden_layers = keys.size("block_count");
  config.num_attention_heads = keys.size("attention.head_count");
  config.num_key_value_heads = keys.size("attention.head_count_kv", config.num_attention_heads);
  config.head_dim =
      keys.size("attention.key_length",
                config.num_attention_heads == 0 ? 0 : config.hidden_size / config.num_attention_heads);
  const int value_dim = keys.size("attention.value_length", std::max(config.head_dim, 1));
  if (keys.required() && value_dim != config.head_dim) keys.bad("attention.value_length", value_dim);
  config.max_position_embeddings = keys.size("context_length");
  config.rms_norm_eps = keys.positive("attention.layer_norm_rms_epsilon", 1e-5f);
  read_rope(keys, config);
  config.tie_word_embeddings = !keys.has_tensor("output.weight");
  config.qkv_bias = keys.has_tensor("blk.0.attn_q.bias") || keys.has_tensor("blk.0.attn_qkv.bias");
  config.o_bias = keys.has_tensor("blk.0.attn_output.bias");
  config.mlp_bias = keys.has_tensor("blk.0.ffn_up.bias");
}

}  // namespace tessera::io
