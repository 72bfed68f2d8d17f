#include "io/hf_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "util/error.hpp"

namespace tessera::io {
namespace {

using nlohmann::json;

int size(const JsonReader& reader, std::string_view key, bool required) {
  const auto value = required || (reader.find(key) != nullptr && reader.find(key)->is_number_integer())
                         ? reader.integer(key, 1)
                         : std::nullopt;
  if (!value && required) reader.missing(key);
  return value.value_or(0);
}

float required_positive(const JsonReader& reader, std::string_view key) {
  const auto value = reader.positive(key);
  if (!value) reader.missing(key);
  return *value;
}

std::vector<float> factors(const JsonReader& reader, std::string_view key) {
  const json* list = reader.find(key);
  if (list == nullptr) reader.missing(key);
  std::vector<float> result;
  for (const json& item : list->is_array() ? *list : json::array()) {
    if (!item.is_number() || !(item.get<double>() > 0)) reader.wrong(key, "a list of positive numbers");
    result.push_back(item.get<float>());
  }
  if (result.empty()) reader.wrong(key, "a list of positive numbers");
  return result;
}

/// One object of `rope_scaling` or `rope_parameters`; `parameters` already hold what the other keys say.
void read_rope_object(const JsonReader& reader, bool needs_type, RopeParameters& parameters) {
  parameters.theta = reader.positive("rope_theta").value_or(parameters.theta);
  const auto old_type = reader.text("type");
  const auto type = reader.has("rope_type") ? reader.text("rope_type") : old_type;
  if (!type && needs_type) reader.missing("rope_type");
  if (!type || *type == "default") return;
  RopeScaling& scaling = parameters.scaling;
  scaling.type = *type == "su" ? "longrope" : *type;  // its first name, in older Phi-3
  const auto original = reader.integer("original_max_position_embeddings", 1);
  scaling.original_max_position_embeddings = original.value_or(scaling.original_max_position_embeddings);
  if (scaling.type == "linear" || scaling.type == "llama3" || scaling.type == "dynamic")
    scaling.factor = required_positive(reader, "factor");
  if (scaling.type == "llama3") {
    scaling.low_freq_factor = required_positive(reader, "low_freq_factor");
    scaling.high_freq_factor = required_positive(reader, "high_freq_factor");
  }
  if (scaling.type == "yarn") {
    scaling.factor = required_positive(reader, "factor");
    scaling.beta_fast = reader.positive("beta_fast").value_or(scaling.beta_fast);
    scaling.beta_slow = reader.positive("beta_slow").value_or(scaling.beta_slow);
    scaling.mscale = reader.positive("mscale").value_or(0.0f);
    scaling.mscale_all_dim = reader.positive("mscale_all_dim").value_or(0.0f);
    scaling.truncate = reader.boolean("truncate").value_or(true);
    reader.has("finetuned");  // how the model was made, not what it computes
  }
  if (scaling.type == "longrope") {
    scaling.factor = reader.positive("factor").value_or(0.0f);
    scaling.short_factor = factors(reader, "short_factor");
    scaling.long_factor = factors(reader, "long_factor");
  }
  if (scaling.type == "yarn" || scaling.type == "longrope")
    scaling.attention_factor = reader.positive("attention_factor").value_or(0.0f);
}

/// Keys beside a scaling type that nobody knows say nothing more: the type is refused.
void note_unknown(const JsonReader& reader, const RopeScaling& scaling, const std::string& where,
                  ModelConfig& config) {
  constexpr std::array<std::string_view, 7> kTypes{"none",     "linear", "dynamic", "yarn",
                                                   "longrope", "llama3", "default"};
  if (std::ranges::find(kTypes, scaling.type) == kTypes.end()) return;
  for (const std::string& key : unknown_keys(reader, config)) config.other_arithmetic.push_back(where + key);
}

/// Present, and not merely there to say that it is off.
bool is_set(const json& value) {
  if (value.is_null()) return false;
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value != 0;
  return !value.empty();
}

// What transformers writes for its own use, for training or for sampling.
constexpr std::array<std::string_view, 77> kHarmless = {
    "architectures", "attn_implementation", "auto_map", "bad_words_ids", "begin_suppress_tokens",
    "bos_token_id", "cache_implementation", "chunk_size_feed_forward", "cls_token_id", "custom_pipelines",
    "decoder_start_token_id", "diversity_penalty", "do_sample", "dtype", "early_stopping",
    "encoder_no_repeat_ngram_size", "eos_token_id", "exponential_decay_length_penalty", "finetuning_task",
    "forced_bos_token_id", "forced_eos_token_id", "gradient_checkpointing", "id2label", "initializer_range",
    "is_llama_config", "label2id", "length_penalty", "mask_token_id", "max_length", "max_sequence_length",
    "min_length", "model_type", "no_repeat_ngram_size", "num_beam_groups", "num_beams",
    "num_return_sequences", "output_attentions", "output_hidden_states", "output_router_logits",
    "output_scores", "pad_token", "pad_token_id", "prefix", "pretraining_tp", "problem_type",
    "remove_invalid_values", "repetition_penalty", "return_dict", "return_dict_in_generate",
    "router_aux_loss_coef", "sep_token_id", "suppress_tokens", "task_specific_params", "temperature",
    "tf_legacy_loss", "tie_encoder_decoder", "tokenizer_class", "top_k", "top_p", "torch_dtype",
    "torchscript", "transformers.js_config", "transformers_version", "typical_p", "unk_token_id",
    "unsloth_fixed", "unsloth_version", "use_bfloat16", "use_cache", "use_flash_attn", "use_return_dict",
    "vocab_type", "z_loss_coef",
    // Regularisation, off when a model runs.
    "attention_dropout", "hidden_dropout", "embd_pdrop", "resid_pdrop"};

bool is_harmless(std::string_view key, const json& value, const ModelConfig& config) {
  if (key.starts_with('_') || key.ends_with("dropout") || key.ends_with("_pdrop")) return true;
  if (std::ranges::find(kHarmless, key) != kHarmless.end()) return true;
  const bool factor = key.ends_with("multiplier") || key.ends_with("scale") || key.ends_with("scaling");
  if (factor && key != "attention_multiplier" && value == 1) return true;
  // Falcon 3 writes so what hidden_act says too.
  if (key == "activation" && value == "swiglu" && config.hidden_act == "silu") return true;
  // A window that no sequence fills.
  return key == "sliding_window" && value.is_number() && value >= config.max_position_embeddings;
}

void read_sizes(const JsonReader& reader, ModelConfig& config, bool required) {
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
  read_rope_keys(reader, config);
  config.hidden_act = reader.text("hidden_act").value_or("silu");
  config.tie_word_embeddings = reader.boolean("tie_word_embeddings").value_or(false);
}

}  // namespace

int required_size(const JsonReader& keys, std::string_view key) {
  return size(keys, key, true);
}

void read_usual_keys(const JsonReader& keys, ModelConfig& config) {
  read_sizes(keys, config, true);
}

void read_known_sizes(const JsonReader& keys, ModelConfig& config) {
  read_sizes(keys, config, false);
}

void read_rope_keys(const JsonReader& keys, ModelConfig& config) {
  RopeParameters main{keys.positive("rope_theta").value_or(10000.0f), {}};
  main.scaling.original_max_position_embeddings =
      keys.integer("original_max_position_embeddings", 1).value_or(config.max_position_embeddings);
  config.partial_rotary_factor = keys.positive("partial_rotary_factor").value_or(1.0f);
  for (const std::string key : {"rope_scaling", "rope_parameters"}) {
    const json* object = keys.object(key);
    if (object == nullptr) continue;
    const JsonReader reader(*object, keys.file(), key + ".");
    if (reader.has("full_attention")) {
      const RopeParameters base = main;
      for (const std::string kind : {"full_attention", "sliding_attention"}) {
        const json* part = reader.object(kind);
        if (part == nullptr) continue;
        const std::string where = fmt::format("{}.{}.", key, kind);
        const JsonReader inner(*part, keys.file(), where);
        RopeParameters parameters = base;
        read_rope_object(inner, false, parameters);
        note_unknown(inner, parameters.scaling, where, config);
        if (kind == "full_attention")
          main = parameters;
        else
          config.sliding_rope = parameters;
      }
    } else {
      config.partial_rotary_factor =
          reader.positive("partial_rotary_factor").value_or(config.partial_rotary_factor);
      read_rope_object(reader, key == "rope_scaling", main);
    }
    note_unknown(reader, main.scaling, key + ".", config);
  }
  // transformers 5.24 looks at no other length.
  if (main.scaling.type == "dynamic")
    main.scaling.original_max_position_embeddings = config.max_position_embeddings;
  config.rope_theta = main.theta;
  config.rope_scaling = main.scaling;
  // Written beside the length before the stretching: dynamic always, yarn often.
  if (main.scaling.type == "yarn" || main.scaling.type == "dynamic") {
    const double stretched = static_cast<double>(main.scaling.original_max_position_embeddings) *
                             static_cast<double>(main.scaling.factor);
    if (stretched <= std::numeric_limits<int>::max())
      config.max_position_embeddings = std::max(config.max_position_embeddings, static_cast<int>(stretched));
  }
}

void read_sliding_windows(const JsonReader& keys, ModelConfig& config,
                          const std::function<bool(int)>& otherwise) {
  const int window = keys.integer("sliding_window", 1).value_or(0);
  const bool used = keys.boolean("use_sliding_window").value_or(true) && window > 0;
  const json* types = keys.find("layer_types");
  const int layers = config.num_hidden_layers;
  if (types != nullptr && (!types->is_array() || types->size() != static_cast<std::size_t>(layers)))
    keys.wrong("layer_types", fmt::format("a list of {} texts", layers));
  std::vector<int> windows;
  std::set<std::string> others;  // kinds of layers that nobody has
  for (int i = 0; i < layers; ++i) {
    bool slides = used && otherwise(i);
    if (types != nullptr) {
      const json& type = (*types)[static_cast<std::size_t>(i)];
      if (!type.is_string()) keys.wrong("layer_types", fmt::format("a list of {} texts", layers));
      if (type != "full_attention" && type != "sliding_attention")
        others.insert("layer_types." + type.get<std::string>());
      slides = used && type == "sliding_attention";
    }
    windows.push_back(slides ? window : 0);
  }
  config.other_arithmetic.insert(config.other_arithmetic.end(), others.begin(), others.end());
  if (std::ranges::any_of(windows, [](int w) { return w > 0; })) config.sliding_windows = std::move(windows);
}

std::vector<int> read_token_ids(const JsonReader& keys, std::string_view key) {
  const json* value = keys.find(key);
  if (value == nullptr) return {};
  if (!value->is_array()) return {*keys.integer(key, 0)};
  std::vector<int> ids;
  for (const json& item : *value) {
    if (!item.is_number_integer() || item < 0 || item > std::numeric_limits<int>::max())
      keys.wrong(key, "a token id or a list of them");
    ids.push_back(item.get<int>());
  }
  return ids;
}

std::vector<std::string> unknown_keys(const JsonReader& keys, const ModelConfig& config) {
  std::vector<std::string> unknown;
  const auto use = keys.members().find("use_sliding_window");
  const bool windows_off = use != keys.members().end() && *use == false;
  for (const auto& [key, value] : keys.members().items()) {
    if (windows_off && (key == "sliding_window" || key == "max_window_layers")) continue;
    if (!keys.was_asked(key) && is_set(value) && !is_harmless(key, value, config)) unknown.push_back(key);
  }
  return unknown;
}

}  // namespace tessera::io
