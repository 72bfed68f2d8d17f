#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "io/half.hpp"
#include "support/tiny_checkpoint.hpp"
#include "tensor/bfloat16.hpp"
#include "util/file.hpp"
#include "util/rng.hpp"

namespace tessera::test {
namespace {

// Nearest binary16 for the magnitudes of weights; what is below its normal range becomes zero.
std::uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  if (std::abs(value) < 0x1p-14f) return sign;
  const std::uint32_t rounded = (bits & 0x7FFFFFFFu) + 0x0FFFu + ((bits >> 13) & 1u);
  return static_cast<std::uint16_t>(sign | ((rounded - (112u << 23)) >> 13));
}

float rounded(float value, const std::string& dtype) {
  if (dtype == "BF16") return round_to_bf16(value);
  return dtype == "F16" ? io::half_to_float(float_to_half(value)) : value;
}

// Ids of tokens that print as ASCII letters (with or without a leading space): the text is made of these.
std::vector<std::size_t> word_tokens() {
  const auto json = nlohmann::json::parse(read_text_file(TESSERA_TEST_DATA "/text/byte_bpe.tokenizer.json"));
  std::vector<std::size_t> ids;
  for (const auto& [token, id] : json.at("model").at("vocab").items()) {
    const std::string word = token.starts_with("\xC4\xA0") ? token.substr(2) : token;
    const bool letters = !word.empty() && word.find_first_not_of(
                                              "abcdefghijklmnopqrstuvwxyz"
                                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == word.npos;
    if (letters) ids.push_back(id.get<std::size_t>());
  }
  return ids;
}

class Weights {
 public:
  explicit Weights(const TinyOptions& options) : o_(options), rng_(options.seed), words_(word_tokens()) {
    for (std::size_t i = words_.size(); i > 1; --i) std::swap(words_[i - 1], words_[rng_.below(i)]);
  }

  std::vector<TinyTensor> all() {
    const std::vector<float> table = embedding();
    add("model.embed_tokens.weight", {o_.vocab, o_.hidden}, table);
    // What attention and MLPs add together, by the embedding's scale. Tied: more, because the input token's
    // own row would win otherwise; untied: so that the head below wins clearly but not always.
    const float total = o_.tied ? 5.0f : 1.2f;
    const float branch = kEmbedding * total / std::sqrt(2.0f * static_cast<float>(o_.layers));
    for (int i = 0; i < o_.layers; ++i) layer(fmt::format("model.layers.{}.", i), branch);
    norm("model.norm.weight");
    if (!o_.tied) add("lm_head.weight", {o_.vocab, o_.hidden}, head(table));
    return std::move(tensors_);
  }

 private:
  static constexpr float kEmbedding = 0.2f;

  void add(const std::string& name, std::vector<std::int64_t> shape, std::vector<float> values) {
    for (float& value : values) value = rounded(value, o_.dtype);
    tensors_.push_back({name, std::move(shape), std::move(values)});
  }
  std::vector<float> random(std::int64_t n, float deviation, float mean = 0) {
    std::vector<float> values(static_cast<std::size_t>(n));
    for (float& value : values) value = mean + deviation * rng_.normal();
    return values;
  }
  void norm(const std::string& name) { add(name, {o_.hidden}, random(o_.hidden, 0.2f, 1.0f)); }
  /// Unit inputs come out with the given deviation.
  void matrix(const std::string& name, std::int64_t out, std::int64_t in, float deviation, bool bias) {
    add(name + ".weight", {out, in}, random(out * in, deviation / std::sqrt(static_cast<float>(in))));
    if (bias) add(name + ".bias", {out}, random(out, 0.3f * deviation));
  }

  void layer(const std::string& name, float branch) {
    const std::int64_t q = std::int64_t{o_.heads} * o_.head_dim, kv = std::int64_t{o_.kv_heads} * o_.head_dim;
    norm(name + "input_layernorm.weight");
    matrix(name + "self_attn.q_proj", q, o_.hidden, 1.5f, o_.attention_bias);
    matrix(name + "self_attn.k_proj", kv, o_.hidden, 1.5f, o_.attention_bias);
    matrix(name + "self_attn.v_proj", kv, o_.hidden, 1.0f, o_.attention_bias);
    // Averages of values and silu(gate) * up come out at about 0.6.
    matrix(name + "self_attn.o_proj", o_.hidden, q, branch / 0.6f, o_.attention_bias);
    norm(name + "post_attention_layernorm.weight");
    matrix(name + "mlp.gate_proj", o_.intermediate, o_.hidden, 1.0f, o_.mlp_bias);
    matrix(name + "mlp.up_proj", o_.intermediate, o_.hidden, 1.0f, o_.mlp_bias);
    matrix(name + "mlp.down_proj", o_.hidden, o_.intermediate, branch / 0.6f, o_.mlp_bias);
  }

  /// Random rows; every token that is no word resembles a word, so that after it, too, something is expected.
  std::vector<float> embedding() {
    const auto hidden = static_cast<std::size_t>(o_.hidden);
    std::vector<float> table = random(std::int64_t{o_.vocab} * o_.hidden, kEmbedding);
    std::vector<bool> is_word(static_cast<std::size_t>(o_.vocab), false);
    for (const std::size_t id : words_) is_word[id] = true;
    for (std::size_t id = 0; id < is_word.size(); ++id) {
      if (is_word[id]) continue;
      const std::size_t like = words_[rng_.below(words_.size())];
      for (std::size_t c = 0; c < hidden; ++c)
        table[id * hidden + c] = 0.5f * table[id * hidden + c] + 0.87f * table[like * hidden + c];
    }
    return table;
  }

  /// After a word its successor in a random cycle is likely; other tokens are unlikely.
  std::vector<float> head(const std::vector<float>& table) {
    const auto hidden = static_cast<std::size_t>(o_.hidden);
    std::vector<float> result = random(std::int64_t{o_.vocab} * o_.hidden, 0.25f * kEmbedding);
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const std::size_t from = words_[i] * hidden, to = words_[(i + 1) % words_.size()] * hidden;
      for (std::size_t c = 0; c < hidden; ++c) result[to + c] = table[from + c];
    }
    return result;
  }

  const TinyOptions& o_;
  Rng rng_;
  std::vector<std::size_t> words_;
  std::vector<TinyTensor> tensors_;
};

}  // namespace

std::vector<TinyTensor> tiny_weights(const TinyOptions& options) {
  return Weights(options).all();
}

std::string encode_values(const std::vector<float>& values, const std::string& dtype) {
  std::string bytes;
  if (dtype == "F32") {
    bytes.resize(values.size() * sizeof(float));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  for (const float value : values) {
    const std::uint16_t half = dtype == "BF16" ? float_to_bf16(value) : float_to_half(value);
    bytes += static_cast<char>(half & 0xFFu);
    bytes += static_cast<char>(half >> 8);
  }
  return bytes;
}

}  // namespace tessera::test
