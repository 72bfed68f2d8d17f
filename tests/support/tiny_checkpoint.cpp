#include "support/tiny_checkpoint.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "util/file.hpp"

namespace tessera::test {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

json config(const TinyOptions& o) {
  json result{{"architectures", {"LlamaForCausalLM"}},
              {"model_type", "llama"},
              {"vocab_size", o.vocab},
              {"hidden_size", o.hidden},
              {"intermediate_size", o.intermediate},
              {"num_hidden_layers", o.layers},
              {"num_attention_heads", o.heads},
              {"num_key_value_heads", o.kv_heads},
              {"head_dim", o.head_dim},
              {"max_position_embeddings", o.max_positions},
              {"rms_norm_eps", o.rms_norm_eps},
              {"rope_theta", 10000.0},
              {"rope_scaling", nullptr},
              {"hidden_act", "silu"},
              {"tie_word_embeddings", o.tied},
              {"attention_bias", o.attention_bias},
              {"mlp_bias", o.mlp_bias},
              {"attention_dropout", 0.0},
              {"initializer_range", 0.02},
              {"use_cache", true},
              {"torch_dtype", o.dtype == "F32"    ? "float32"
                              : o.dtype == "BF16" ? "bfloat16"
                                                  : "float16"},
              {"bos_token_id", 1},
              {"eos_token_id", 2}};
  if (o.llama3_rope) {
    result["rope_scaling"] = {{"rope_type", "llama3"},
                              {"factor", 8.0},
                              {"low_freq_factor", 1.0},
                              {"high_freq_factor", 4.0},
                              {"original_max_position_embeddings", 64}};
  }
  result.merge_patch(json::parse(o.config_patch));
  return result;
}

void write_safetensors(const fs::path& file, const std::vector<TinyTensor>& tensors,
                       const std::string& dtype) {
  json header{{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const TinyTensor& tensor : tensors) {
    const std::size_t begin = data.size();
    data += encode_values(tensor.values, dtype);
    header[tensor.name] = {{"dtype", dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string length;
  for (int i = 0; i < 8; ++i) length += static_cast<char>((text.size() >> (8 * i)) & 0xFFu);
  write_text_file(file, length + text + data);
}

void write_weights(const fs::path& folder, const TinyOptions& o, const std::vector<TinyTensor>& weights) {
  if (o.shards <= 1) return write_safetensors(folder / "model.safetensors", weights, o.dtype);
  json index{{"metadata", {{"total_size", 0}}}, {"weight_map", json::object()}};
  const auto count = static_cast<std::size_t>(o.shards);
  for (std::size_t shard = 0; shard < count; ++shard) {
    const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", shard + 1, count);
    std::vector<TinyTensor> part;
    for (std::size_t i = weights.size() * shard / count; i < weights.size() * (shard + 1) / count; ++i) {
      part.push_back(weights[i]);
      index["weight_map"][weights[i].name] = name;
    }
    write_safetensors(folder / name, part, o.dtype);
  }
  write_text_file(folder / "model.safetensors.index.json", index.dump(2));
}

}  // namespace

std::string tiny_chat_template() {
  return "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + "
         "'<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
         "{% endif %}";
}

void write_tiny_folder(const fs::path& folder, const TinyOptions& options,
                       const std::vector<TinyTensor>& weights) {
  fs::create_directories(folder);
  write_text_file(folder / "config.json", config(options).dump(2));
  write_text_file(folder / "generation_config.json",
                  json{{"bos_token_id", 1}, {"eos_token_id", 2}, {"pad_token_id", 2}}.dump(2));
  write_text_file(folder / "tokenizer.json",
                  read_text_file(TESSERA_TEST_DATA "/text/byte_bpe.tokenizer.json"));
  json tokenizer{{"bos_token", "<|im_start|>"}, {"eos_token", "<|im_end|>"}, {"add_bos_token", false}};
  if (options.chat_template) tokenizer["chat_template"] = tiny_chat_template();
  write_text_file(folder / "tokenizer_config.json", tokenizer.dump(2));
  write_weights(folder, options, weights);
}

void write_tiny_folder(const fs::path& folder, const TinyOptions& options) {
  write_tiny_folder(folder, options, tiny_weights(options));
}

}  // namespace tessera::test
