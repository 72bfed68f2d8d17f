#include "io/hf_config.hpp"

#include <algorithm>
#include <array>

#include "io/byte_reader.hpp"
#include "io/json.hpp"
#include "util/error.hpp"

namespace tessera::io {
namespace {

using nlohmann::json;

/// Model types with Llama's keys, and what transformers' configuration classes assume where config.json is
/// silent.
struct KnownType {
  std::string_view model_type;
  bool tied;
  bool attention_bias;
};
constexpr std::array kKnownTypes = {
    KnownType{"llama", false, false},  KnownType{"mistral", false, false},
    KnownType{"qwen2", false, true},   KnownType{"qwen3", false, false},
    KnownType{"phi3", false, false},   KnownType{"gemma", true, false},
    KnownType{"gemma2", true, false},  KnownType{"gemma3_text", true, false},
    KnownType{"smollm3", true, false},
};

const KnownType* find_type(std::string_view model_type) {
  const auto it = std::find_if(kKnownTypes.begin(), kKnownTypes.end(),
                               [&](const KnownType& type) { return type.model_type == model_type; });
  return it == kKnownTypes.end() ? nullptr : it;
}

int size(const JsonReader& reader, std::string_view key, bool required) {
  const auto value = required || (reader.find(key) != nullptr && reader.find(key)->is_number_integer())
                         ? reader.integer(key, 1)
                         : std::nullopt;
  if (!value && required) reader.missing(key);
  return value.value_or(0);
}

/// A token id, a list of them, or nothing.
std::vector<int> token_ids(const JsonReader& reader, std::string_view key) {
  const json* value = reader.find(key);
  if (value == nullptr) return {};
  if (!value->is_array()) return {*reader.integer(key, 0)};
  std::vector<int> ids;
  for (const json& item : *value) {
    if (!item.is_number_integer() || item < 0 || item > std::numeric_limits<int>::max()) {
      reader.wrong(key, "a token id or a list of them");
    }
    ids.push_back(item.get<int>());
  }
  return ids;
}

/// `rope_scaling` (old key "type", new "rope_type") or `rope_parameters`, which also holds rope_theta.
void read_rope(const JsonReader& config_reader, const std::string& file, ModelConfig& config) {
  config.rope_theta = config_reader.positive("rope_theta").value_or(10000.0f);
  RopeScaling& scaling = config.rope_scaling;
  scaling.original_max_position_embeddings =
      config_reader.integer("original_max_position_embeddings", 1).value_or(config.max_position_embeddings);
  if (config_reader.number("partial_rotary_factor").value_or(1.0f) != 1.0f) scaling.type = "partial";
  for (const std::string key : {"rope_scaling", "rope_parameters"}) {
    const json* object = config_reader.object(key);
    if (object == nullptr) continue;
    const JsonReader reader(*object, file, key + ".");
    config.rope_theta = reader.positive("rope_theta").value_or(config.rope_theta);
    const auto type = reader.has("rope_type") ? reader.text("rope_type") : reader.text("type");
    const bool nested =
        std::any_of(object->begin(), object->end(), [](const json& v) { return v.is_object(); });
    if (nested) {
      scaling.type = "per-layer";  // one object a kind of layer, as Gemma 3 has
      continue;
    }
    if (!type && key == "rope_scaling") reader.missing("rope_type");
    if (!type || *type == "default") continue;
    scaling.type = *type;
    if (*type != "linear" && *type != "llama3") continue;
    const auto required = [&](std::string_view name) {
      const auto value = reader.positive(name);
      if (!value) reader.missing(name);
      return *value;
    };
    scaling.factor = required("factor");
    if (*type == "linear") continue;
    scaling.low_freq_factor = required("low_freq_factor");
    scaling.high_freq_factor = required("high_freq_factor");
    scaling.original_max_position_embeddings = reader.integer("original_max_position_embeddings", 1)
                                                   .value_or(scaling.original_max_position_embeddings);
  }
}

/// Keys of transformers' configurations that change what a layer computes and have no field in ModelConfig.
constexpr std::array kOtherArithmetic = {
    "sliding_window",
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "logits_scaling",
    "logit_scale",
    "embedding_multiplier",
    "residual_multiplier",
    "attention_multiplier",
    "scale_emb",
    "scale_depth",
    "query_pre_attn_scalar",
    "clip_qkv",
    "quantization_config",
    "num_experts",
    "num_local_experts",
    "use_qk_norm",
    "qk_layernorm",
    "no_rope_layers",
    "alibi",
    "parallel_attn",
    "attention_chunk_size",
};

/// Present, and not merely there to say that it is off.
bool is_set(const json* value) {
  if (value == nullptr || value->is_null()) return false;
  if (value->is_boolean()) return value->get<bool>();
  if (value->is_number()) return *value != 0;
  return !value->empty();
}

std::vector<std::string> other_arithmetic(const JsonReader& reader, const ModelConfig& config) {
  std::vector<std::string> keys;
  for (const std::string key : kOtherArithmetic) {
    const json* value = reader.find(key);
    if (!is_set(value)) continue;
    const bool factor = key.ends_with("multiplier") || key.ends_with("scale") || key.ends_with("scaling");
    if (factor && key != "attention_multiplier" && *value == 1) continue;
    // A window that no sequence fills, or one that is switched off.
    if (key == "sliding_window" && (reader.boolean("use_sliding_window") == false ||
                                    (value->is_number() && *value >= config.max_position_embeddings)))
      continue;
    keys.push_back(key);
  }
  return keys;
}

/// "text" or {"content": "text", ...}.
std::string token_text(const JsonReader& reader, std::string_view key, const std::string& file) {
  const json* value = reader.find(key);
  if (value == nullptr || !value->is_object()) return reader.text(key).value_or("");
  return JsonReader(*value, file, std::string(key) + ".").text("content").value_or("");
}

}  // namespace

ModelConfig parse_hf_config(std::string_view text, const std::string& file) {
  const json document = parse_json_object(text, file);
  const JsonReader reader(document, file);
  ModelConfig config;
  config.model_type = reader.text("model_type").value_or("");
  if (const json* names = reader.find("architectures")) {
    if (!names->is_array() || names->empty() || !names->front().is_string()) {
      reader.wrong("architectures", "a list of one text");
    }
    config.architecture = names->front().get<std::string>();
  } else {
    reader.missing("architectures");
  }
  const KnownType* known = find_type(config.model_type);
  const bool required = known != nullptr;
  config.vocab_size = size(reader, "vocab_size", required);
  config.hidden_size = size(reader, "hidden_size", required);
  config.intermediate_size = size(reader, "intermediate_size", required);
  config.num_hidden_layers = size(reader, "num_hidden_layers", required);
  config.num_attention_heads = size(reader, "num_attention_heads", required);
  config.num_key_value_heads = size(reader, "num_key_value_heads", false);
  if (config.num_key_value_heads == 0) config.num_key_value_heads = config.num_attention_heads;
  config.head_dim = size(reader, "head_dim", false);
  if (config.head_dim == 0 && config.num_attention_heads != 0) {
    config.head_dim = config.hidden_size / config.num_attention_heads;
  }
  config.max_position_embeddings = size(reader, "max_position_embeddings", required);
  config.rms_norm_eps = reader.positive("rms_norm_eps").value_or(1e-6f);
  read_rope(reader, file, config);
  config.hidden_act = reader.text("hidden_activation").value_or(reader.text("hidden_act").value_or("silu"));
  config.tie_word_embeddings =
      reader.boolean("tie_word_embeddings").value_or(known != nullptr && known->tied);
  config.attention_bias =
      reader.boolean("attention_bias").value_or(known != nullptr && known->attention_bias);
  config.mlp_bias = reader.boolean("mlp_bias").value_or(false);
  config.other_arithmetic = other_arithmetic(reader, config);
  const std::vector<int> bos = token_ids(reader, "bos_token_id");
  config.bos_token_id = bos.empty() ? -1 : bos.front();
  config.eos_token_ids = token_ids(reader, "eos_token_id");
  return config;
}

void apply_generation_config(ModelConfig& config, std::string_view text, const std::string& file) {
  const json document = parse_json_object(text, file);
  std::vector<int> ids = token_ids(JsonReader(document, file), "eos_token_id");
  if (!ids.empty()) config.eos_token_ids = std::move(ids);
}

void apply_tokenizer_config(TokenizerFiles& files, std::string_view text, const std::string& file) {
  const json document = parse_json_object(text, file);
  const JsonReader reader(document, file);
  files.bos_token = token_text(reader, "bos_token", file);
  files.eos_token = token_text(reader, "eos_token", file);
  // add_bos_token is not read: where there is a tokenizer.json its post-processor decides, and transformers 5
  // drops the key before it builds the tokenizer.
  const json* chat = reader.find("chat_template");
  if (chat == nullptr || !chat->is_array()) {
    files.chat_template = reader.text("chat_template").value_or("");
    return;
  }
  for (const json& item : *chat) {
    if (!item.is_object()) reader.wrong("chat_template", "a text or a list of {name, template}");
    const JsonReader named(item, file, "chat_template[].");
    const auto source = named.text("template");
    if (!source) named.missing("template");
    if (files.chat_template.empty() || named.text("name") == "default") files.chat_template = *source;
  }
}

}  // namespace tessera::io
