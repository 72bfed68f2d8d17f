#pragma once
// Writes small GGUF files in memory, right or wrong on purpose.
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::io::test {

class GgufWriter {
 public:
  explicit GgufWriter(std::uint32_t version = 3) : version_(version) {}

  void text(std::string_view key, std::string_view value) {
    entry(key, 8);
    put_text(metadata_, value);
  }
  void u32(std::string_view key, std::uint32_t value) {
    entry(key, 4);
    put(metadata_, value);
  }
  void f32(std::string_view key, float value) {
    entry(key, 6);
    put(metadata_, value);
  }
  void boolean(std::string_view key, bool value) {
    entry(key, 7);
    put(metadata_, static_cast<std::uint8_t>(value));
  }
  void texts(std::string_view key, const std::vector<std::string>& values) {
    array(key, 8, values.size());
    for (const std::string& value : values) put_text(metadata_, value);
  }
  void integers(std::string_view key, const std::vector<std::int32_t>& values) {
    array(key, 5, values.size());
    for (const std::int32_t value : values) put(metadata_, value);
  }
  void floats(std::string_view key, const std::vector<float>& values) {
    array(key, 6, values.size());
    for (const float value : values) put(metadata_, value);
  }
  /// Any bytes as the value of a type.
  void raw(std::string_view key, std::uint32_t type, std::string_view bytes) {
    entry(key, type);
    metadata_ += bytes;
  }

  /// A tensor behind the ones before it, at the next multiple of 32.
  void tensor(std::string_view name, const std::vector<std::uint64_t>& dims, std::uint32_t type,
              std::string_view data) {
    while (data_.size() % 32 != 0) data_ += '\0';
    tensor_info(name, dims, type, data_.size());
    data_ += data;
  }
  void floats_tensor(std::string_view name, const std::vector<std::uint64_t>& dims,
                     const std::vector<float>& values) {
    tensor(name, dims, 0, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
  }
  /// Only the table entry.
  void tensor_info(std::string_view name, const std::vector<std::uint64_t>& dims, std::uint32_t type,
                   std::uint64_t offset) {
    put_text(infos_, name);
    put(infos_, static_cast<std::uint32_t>(dims.size()));
    for (const std::uint64_t size : dims) put(infos_, size);
    put(infos_, type);
    put(infos_, offset);
    ++tensors_;
  }

  std::string bytes() const {
    std::string out = "GGUF";
    put(out, version_);
    put(out, tensors_);
    put(out, entries_);
    out += metadata_;
    out += infos_;
    while (out.size() % 32 != 0) out += '\0';
    return out + data_;
  }

  template <class T>
  static void put(std::string& out, T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out.append(bytes, sizeof(T));
  }
  static void put_text(std::string& out, std::string_view text) {
    put(out, static_cast<std::uint64_t>(text.size()));
    out += text;
  }

 private:
  void entry(std::string_view key, std::uint32_t type) {
    put_text(metadata_, key);
    put(metadata_, type);
    ++entries_;
  }
  void array(std::string_view key, std::uint32_t type, std::size_t count) {
    entry(key, 9);
    put(metadata_, type);
    put(metadata_, static_cast<std::uint64_t>(count));
  }

  std::uint32_t version_;
  std::uint64_t tensors_ = 0, entries_ = 0;
  std::string metadata_, infos_, data_;
};

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// A whole Llama of one layer, hidden size 8, 2 heads of 4, 1 key-value head, vocabulary 4.
inline GgufWriter tiny_llama() {
  GgufWriter w;
  w.text("general.architecture", "llama");
  w.u32("llama.block_count", 1);
  w.u32("llama.context_length", 64);
  w.u32("llama.embedding_length", 8);
  w.u32("llama.feed_forward_length", 16);
  w.u32("llama.attention.head_count", 2);
  w.u32("llama.attention.head_count_kv", 1);
  w.u32("llama.rope.dimension_count", 4);
  w.f32("llama.rope.freq_base", 10000.0f);
  w.f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  w.text("tokenizer.ggml.model", "gpt2");
  w.text("tokenizer.ggml.pre", "smollm");
  w.texts("tokenizer.ggml.tokens", {"<|end|>", "a", "b", "ab"});
  w.integers("tokenizer.ggml.token_type", {3, 1, 1, 1});
  w.texts("tokenizer.ggml.merges", {"a b"});
  w.u32("tokenizer.ggml.eos_token_id", 0);
  w.boolean("tokenizer.ggml.add_bos_token", false);
  w.text("tokenizer.chat_template", "{{ messages }}");
  const auto ramp = [](std::size_t n) {
    std::vector<float> values(n);
    for (std::size_t i = 0; i < n; ++i) values[i] = static_cast<float>(i);
    return values;
  };
  w.floats_tensor("token_embd.weight", {8, 4}, ramp(32));
  w.floats_tensor("blk.0.attn_norm.weight", {8}, ramp(8));
  w.floats_tensor("blk.0.attn_q.weight", {8, 8}, ramp(64));
  w.floats_tensor("blk.0.attn_k.weight", {8, 4}, ramp(32));
  w.floats_tensor("blk.0.attn_v.weight", {8, 4}, ramp(32));
  w.floats_tensor("blk.0.attn_output.weight", {8, 8}, ramp(64));
  w.floats_tensor("blk.0.ffn_norm.weight", {8}, ramp(8));
  w.floats_tensor("blk.0.ffn_gate.weight", {8, 16}, ramp(128));
  w.floats_tensor("blk.0.ffn_up.weight", {8, 16}, ramp(128));
  w.floats_tensor("blk.0.ffn_down.weight", {16, 8}, ramp(128));
  w.floats_tensor("output_norm.weight", {8}, ramp(8));
  return w;
}

}  // namespace tessera::io::test
