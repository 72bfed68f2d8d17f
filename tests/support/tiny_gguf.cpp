#include <fmt/format.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <utility>

#include "io/gguf_writer.hpp"
#include "support/tiny_checkpoint.hpp"
#include "util/file.hpp"

namespace tessera::test {
namespace {

using io::test::GgufWriter;

std::string gguf_name(std::string name) {
  constexpr std::array<std::pair<const char*, const char*>, 13> kNames{{
      {"model.embed_tokens.", "token_embd."},
      {"model.norm.", "output_norm."},
      {"lm_head.", "output."},
      {"model.layers.", "blk."},
      {"input_layernorm.", "attn_norm."},
      {"self_attn.q_proj.", "attn_q."},
      {"self_attn.k_proj.", "attn_k."},
      {"self_attn.v_proj.", "attn_v."},
      {"self_attn.o_proj.", "attn_output."},
      {"post_attention_layernorm.", "ffn_norm."},
      {"mlp.gate_proj.", "ffn_gate."},
      {"mlp.up_proj.", "ffn_up."},
      {"mlp.down_proj.", "ffn_down."},
  }};
  for (const auto& [hugging_face, gguf] : kNames) {
    const std::size_t at = name.find(hugging_face);
    if (at != std::string::npos) name.replace(at, std::string_view(hugging_face).size(), gguf);
  }
  return name;
}

// llama.cpp's permutation of q and k: row i of a head's halves becomes row 2i (or 2i + 1) of its pairs.
std::vector<float> to_pairs(const TinyTensor& tensor, std::size_t head_dim) {
  const auto rows = static_cast<std::size_t>(tensor.shape[0]);
  const std::size_t cols = tensor.values.size() / rows;
  std::vector<float> result(tensor.values.size());
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t head = row / head_dim, in_head = row % head_dim;
    const std::size_t half = in_head / (head_dim / 2), i = in_head % (head_dim / 2);
    const std::size_t to = head * head_dim + 2 * i + half;
    for (std::size_t c = 0; c < cols; ++c) result[to * cols + c] = tensor.values[row * cols + c];
  }
  return result;
}

// The divisors that llama.cpp's converter computes for the scaling that tiny_checkpoint.cpp writes.
std::vector<float> llama3_divisors(int head_dim) {
  constexpr double kFactor = 8, kLow = 1, kHigh = 4, kOriginal = 64;
  std::vector<float> divisors;
  for (int i = 0; i < head_dim / 2; ++i) {
    const double frequency = std::pow(10000.0, -2.0 * i / head_dim);
    const double wavelength = 2 * std::numbers::pi / frequency;
    double divisor = 1;
    if (wavelength > kOriginal / kLow) {
      divisor = kFactor;
    } else if (wavelength > kOriginal / kHigh) {
      const double smooth = (kOriginal / wavelength - kLow) / (kHigh - kLow);
      divisor = 1 / ((1 - smooth) / kFactor + smooth);
    }
    divisors.push_back(static_cast<float>(divisor));
  }
  return divisors;
}

void put_vocabulary(GgufWriter& w, const TinyOptions& o) {
  const auto vocab = nlohmann::json::parse(read_text_file(TESSERA_TEST_DATA "/text/byte_bpe.vocab.json"));
  auto tokens = vocab.at("tokens").get<std::vector<std::string>>();
  auto types = vocab.at("token_types").get<std::vector<std::int32_t>>();
  while (tokens.size() < static_cast<std::size_t>(o.vocab)) {
    tokens.push_back(fmt::format("[PAD{}]", tokens.size()));
    types.push_back(5);
  }
  w.text("tokenizer.ggml.model", "gpt2");
  w.text("tokenizer.ggml.pre", "smollm");
  w.texts("tokenizer.ggml.tokens", tokens);
  w.integers("tokenizer.ggml.token_type", types);
  w.texts("tokenizer.ggml.merges", vocab.at("merges").get<std::vector<std::string>>());
  w.u32("tokenizer.ggml.bos_token_id", 1);
  w.u32("tokenizer.ggml.eos_token_id", 2);
  w.boolean("tokenizer.ggml.add_bos_token", false);
  if (o.chat_template) w.text("tokenizer.chat_template", tiny_chat_template());
}

}  // namespace

void write_tiny_gguf(const std::filesystem::path& file, const TinyOptions& options) {
  write_tiny_gguf(file, options, tiny_weights(options));
}

void write_tiny_gguf(const std::filesystem::path& file, const TinyOptions& o,
                     const std::vector<TinyTensor>& weights) {
  GgufWriter w;
  const auto number = [](int value) { return static_cast<std::uint32_t>(value); };
  w.text("general.architecture", "llama");
  w.u32("llama.block_count", number(o.layers));
  w.u32("llama.context_length", number(o.max_positions));
  w.u32("llama.embedding_length", number(o.hidden));
  w.u32("llama.feed_forward_length", number(o.intermediate));
  w.u32("llama.attention.head_count", number(o.heads));
  w.u32("llama.attention.head_count_kv", number(o.kv_heads));
  w.u32("llama.attention.key_length", number(o.head_dim));
  w.u32("llama.attention.value_length", number(o.head_dim));
  w.u32("llama.rope.dimension_count", number(o.head_dim));
  w.f32("llama.rope.freq_base", 10000.0f);
  w.f32("llama.attention.layer_norm_rms_epsilon", o.rms_norm_eps);
  w.u32("llama.vocab_size", number(o.vocab));
  put_vocabulary(w, o);
  if (o.llama3_rope) {
    const std::vector<float> divisors = llama3_divisors(o.head_dim);
    w.floats_tensor("rope_freqs.weight", {divisors.size()}, divisors);
  }
  for (const TinyTensor& tensor : weights) {
    const bool rotated = tensor.name.find(".q_proj.") != std::string::npos ||
                         tensor.name.find(".k_proj.") != std::string::npos;
    const std::vector<float> values =
        rotated ? to_pairs(tensor, static_cast<std::size_t>(o.head_dim)) : tensor.values;
    const std::string dtype = tensor.shape.size() == 1 ? "F32" : o.dtype;
    const std::uint32_t type = dtype == "F32" ? 0 : dtype == "F16" ? 1 : 30;
    const std::vector<std::uint64_t> dims(tensor.shape.rbegin(), tensor.shape.rend());
    w.tensor(gguf_name(tensor.name), dims, type, encode_values(values, dtype));
  }
  write_text_file(file, w.bytes());
}

}  // namespace tessera::test
