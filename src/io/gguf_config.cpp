#include "io/gguf_config.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "io/byte_reader.hpp"
#include "io/gguf_dequant.hpp"
#include "io/gguf_names.hpp"
#include "util/error.hpp"

namespace tessera::io {
namespace {

const GgufTensor* find_tensor(const Gguf& gguf, std::string_view name) {
  for (const GgufTensor& tensor : gguf.tensors()) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

/// Keys under "llama.", required where the architecture is known.
class Keys {
 public:
  Keys(const Gguf& gguf, std::string prefix, bool required)
      : gguf_(gguf), prefix_(std::move(prefix)), required_(required) {}

  std::string full(std::string_view key) const { return prefix_ + "." + std::string(key); }
  bool required() const { return required_; }

  /// A positive int. An unknown architecture may have an array here (one value a layer): read as 0.
  int size(std::string_view key, int otherwise = 0) const {
    if (!required_ && is_array(full(key))) return otherwise;
    const auto value = gguf_.integer(full(key));
    if (!value) {
      if (required_ && otherwise == 0) missing(full(key));
      return otherwise;
    }
    if (*value < 1 || *value > std::numeric_limits<int>::max()) bad(full(key), static_cast<double>(*value));
    return static_cast<int>(*value);
  }

  float positive(std::string_view key, float otherwise) const {
    const double value = gguf_.number(full(key)).value_or(otherwise);
    if (!(value > 0) || value > std::numeric_limits<float>::max()) bad(full(key), value);
    return static_cast<float>(value);
  }

 private:
  bool is_array(const std::string& key) const {
    const auto it = gguf_.metadata().find(key);
    return it != gguf_.metadata().end() && std::holds_alternative<GgufArray>(it->second);
  }
  [[noreturn]] void missing(const std::string& key) const {
    fail_user("{} cannot be used: metadata '{}' is missing: convert the model again", gguf_.file(),
              printable(key));
  }
  [[noreturn]] void bad(const std::string& key, double value) const {
    fail_user("{} cannot be used: metadata '{}' is {}: convert the model again", gguf_.file(), printable(key),
              value);
  }

  const Gguf& gguf_;
  std::string prefix_;
  bool required_;
};

void read_rope(const Gguf& gguf, const Keys& keys, ModelConfig& config) {
  config.rope_theta = keys.positive("rope.freq_base", 10000.0f);
  const int rotated = keys.size("rope.dimension_count", std::max(config.head_dim, 1));
  if (keys.required() && rotated != config.head_dim) {
    fail_user(
        "{} cannot be used: rope.dimension_count is {} and a head has {} channels: partial rotation is not "
        "supported",
        gguf.file(), rotated, config.head_dim);
  }
  RopeScaling& scaling = config.rope_scaling;
  scaling.type = std::string(gguf.text(keys.full("rope.scaling.type")).value_or("none"));
  scaling.factor = keys.positive("rope.scaling.factor", 1.0f);
  scaling.original_max_position_embeddings =
      keys.size("rope.scaling.original_context_length", config.max_position_embeddings);
  const GgufTensor* divisors = find_tensor(gguf, "rope_freqs.weight");
  if (divisors == nullptr || !keys.required()) return;
  if (config.head_dim % 2 != 0 || divisors->values != static_cast<std::uint64_t>(config.head_dim / 2)) {
    fail_user(
        "{} cannot be used: rope_freqs.weight has {} values and head_dim is {}: it must have half as many",
        gguf.file(), divisors->values, config.head_dim);
  }
  scaling.type = "llama3";
  scaling.frequency_divisors.resize(static_cast<std::size_t>(divisors->values));
  dequantize(divisors->type, divisors->data, scaling.frequency_divisors);
  for (const float divisor : scaling.frequency_divisors) {
    if (!(divisor > 0) || !std::isfinite(divisor)) {
      fail_user("{} cannot be used: rope_freqs.weight holds {}: divisors are positive", gguf.file(), divisor);
    }
  }
}

int token_id(const Gguf& gguf, std::string_view name) {
  const std::string key = "tokenizer.ggml." + std::string(name);
  const auto value = gguf.integer(key);
  if (!value || *value == -1 || *value == 0xFFFFFFFF) return -1;  // both are written for "none"
  if (*value < 0 || *value > std::numeric_limits<int>::max()) {
    fail_user("{} is damaged: {} is {}: get the file again", gguf.file(), key, *value);
  }
  return static_cast<int>(*value);
}

std::uint64_t vocabulary_size(const Gguf& gguf) {
  const auto it = gguf.metadata().find("tokenizer.ggml.tokens");
  if (it == gguf.metadata().end()) return 0;
  const auto* array = std::get_if<GgufArray>(&it->second);
  return array == nullptr ? 0 : array->count;
}

int vocab_size(const Gguf& gguf, const Keys& keys) {
  std::uint64_t size = vocabulary_size(gguf);
  const GgufTensor* embedding = find_tensor(gguf, "token_embd.weight");
  if (embedding != nullptr && embedding->dims.size() == 2) size = embedding->dims[1];
  if (size > static_cast<std::uint64_t>(std::numeric_limits<int>::max())) size = 0;
  return keys.size("vocab_size", static_cast<int>(size));
}

}  // namespace

ModelConfig read_gguf_config(const Gguf& gguf) {
  const auto name = gguf.text("general.architecture");
  if (!name)
    fail_user("{} is not a language model: metadata 'general.architecture' is missing: use another file",
              gguf.file());
  const GgufArchitecture* known = find_gguf_architecture(*name);
  const Keys keys(gguf, std::string(*name), known != nullptr);

  ModelConfig config;
  config.architecture = std::string(known != nullptr ? known->hugging_face : *name);
  config.model_type = std::string(known != nullptr ? known->model_type : *name);
  config.vocab_size = vocab_size(gguf, keys);
  config.hidden_size = keys.size("embedding_length");
  config.intermediate_size = keys.size("feed_forward_length");
  config.num_hidden_layers = keys.size("block_count");
  config.num_attention_heads = keys.size("attention.head_count");
  config.num_key_value_heads = keys.size("attention.head_count_kv", config.num_attention_heads);
  config.head_dim =
      keys.size("attention.key_length",
                config.num_attention_heads == 0 ? 0 : config.hidden_size / config.num_attention_heads);
  config.max_position_embeddings = keys.size("context_length");
  config.rms_norm_eps = keys.positive("attention.layer_norm_rms_epsilon", 1e-5f);
  read_rope(gguf, keys, config);
  config.rope_form = known != nullptr ? known->rope_form : RopeForm::Halves;
  config.tie_word_embeddings = find_tensor(gguf, "output.weight") == nullptr;
  config.attention_bias = find_tensor(gguf, "blk.0.attn_q.bias") != nullptr;
  config.mlp_bias = find_tensor(gguf, "blk.0.ffn_up.bias") != nullptr;
  config.bos_token_id = token_id(gguf, "bos_token_id");
  for (const std::string_view key : {"eos_token_id", "eot_token_id"}) {
    const int id = token_id(gguf, key);
    auto& ids = config.eos_token_ids;
    if (id >= 0 && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  return config;
}

TokenizerFiles read_gguf_tokenizer(const Gguf& gguf) {
  const auto model = gguf.text("tokenizer.ggml.model");
  auto tokens = gguf.texts("tokenizer.ggml.tokens");
  if (!model || !tokens || tokens->empty()) {
    fail_user("{} has no tokenizer: metadata 'tokenizer.ggml.{}' is missing: use a file with its vocabulary",
              gguf.file(), model ? "tokens" : "model");
  }
  GgufVocab vocab;
  vocab.model = std::string(*model);
  vocab.pre = std::string(gguf.text("tokenizer.ggml.pre").value_or(""));
  vocab.tokens = std::move(*tokens);
  vocab.token_types = gguf.integers("tokenizer.ggml.token_type").value_or(std::vector<std::int32_t>{});
  vocab.scores = gguf.floats("tokenizer.ggml.scores").value_or(std::vector<float>{});
  vocab.merges = gguf.texts("tokenizer.ggml.merges").value_or(std::vector<std::string>{});
  for (const auto& [what, size] :
       {std::pair{"token_type", vocab.token_types.size()}, std::pair{"scores", vocab.scores.size()}}) {
    if (size != 0 && size != vocab.tokens.size()) {
      fail_user("{} is damaged: tokenizer.ggml.{} has {} entries for {} tokens: get the file again",
                gguf.file(), what, size, vocab.tokens.size());
    }
  }
  const auto checked_id = [&](std::string_view key) {
    const int id = token_id(gguf, key);
    if (id >= 0 && static_cast<std::size_t>(id) >= vocab.tokens.size()) {
      fail_user("{} is damaged: tokenizer.ggml.{} is {} of {} tokens: get the file again", gguf.file(), key,
                id, vocab.tokens.size());
    }
    return id;
  };
  vocab.bos_token_id = checked_id("bos_token_id");
  vocab.eos_token_id = checked_id("eos_token_id");
  vocab.unknown_token_id = checked_id("unknown_token_id");
  vocab.add_bos_token = gguf.boolean("tokenizer.ggml.add_bos_token");
  // An absent key means what llama.cpp makes of it.
  vocab.add_space_prefix = gguf.boolean("tokenizer.ggml.add_space_prefix").value_or(vocab.model == "llama");

  TokenizerFiles files;
  files.chat_template = std::string(gguf.text("tokenizer.chat_template").value_or(""));
  if (vocab.bos_token_id >= 0) files.bos_token = vocab.tokens[static_cast<std::size_t>(vocab.bos_token_id)];
  if (vocab.eos_token_id >= 0) files.eos_token = vocab.tokens[static_cast<std::size_t>(vocab.eos_token_id)];
  files.vocab = std::move(vocab);
  return files;
}

}  // namespace tessera::io
