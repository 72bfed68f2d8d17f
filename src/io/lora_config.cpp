#include "io/lora_config.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "io/byte_reader.hpp"
#include "io/json.hpp"
#include "util/error.hpp"

namespace tessera::io {
namespace {

using nlohmann::json;

constexpr std::array kRead = {"peft_type",
                              "r",
                              "lora_alpha",
                              "use_rslora",
                              "rank_pattern",
                              "alpha_pattern",
                              "bias",
                              "target_modules",
                              "init_lora_weights",
                              "layers_pattern",
                              "layers_to_transform",
                              "exclude_modules"};

// Of the training, or of what is off: the weights are the same with and without.
constexpr std::array kNoMatter = {
    "task_type",         "auto_mapping",        "peft_version", "base_model_name_or_path",
    "revision",          "inference_mode",      "lora_dropout", "megatron_core",
    "loftq_config",      "eva_config",          "corda_config", "runtime_config",
    "qalora_group_size", "ensure_weight_tying",
    "fan_in_fan_out",  // PEFT goes by the kind of the module: on for GPT-2's Conv1D alone
};

bool is_off(const json& value) {
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_number()) return value == 0;
  return value.empty();  // null, "", [], {}
}

void refuse_others(const json& config, const std::string& file) {
  for (const auto& [key, value] : config.items()) {
    const auto is_key = [&wanted = key](std::string_view known) { return known == wanted; };
    if (is_off(value) || std::ranges::any_of(kRead, is_key) || std::ranges::any_of(kNoMatter, is_key))
      continue;
    fail_user("{} cannot be merged: '{}' is set, which is not supported: train without it", file,
              printable(key));
  }
}

// Methods that change the base model's weights too: their factors fit no other base.
void check_start(const JsonReader& reader) {
  const json* start = reader.find("init_lora_weights");
  if (start == nullptr || start->is_boolean()) return;
  const std::string method = reader.text("init_lora_weights").value();
  if (method != "gaussian" && method != "eva" && method != "orthogonal")
    reader.wrong("init_lora_weights",
                 "true, or a method that leaves the base as it is (gaussian, eva, orthogonal)");
}

// PEFT reads the keys as regular expressions; names are what it writes.
template <class Value, class Read>
std::map<std::string, Value> pattern(const JsonReader& reader, const std::string& file, const char* key,
                                     Read read) {
  std::map<std::string, Value> result;
  const json* object = reader.object(key);
  if (object == nullptr) return result;
  const JsonReader entries(*object, file, std::string(key) + ".");
  for (const auto& [name, value] : object->items()) {
    const bool is_name = !name.empty() && std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
             c == '.';
    });
    if (!is_name)
      fail_user("{} cannot be merged: {} has '{}': names of modules expected", file, key, printable(name));
    const auto number = read(entries, name);
    if (!number) entries.wrong(name, "a number");
    result[name] = *number;
  }
  return result;
}

std::vector<std::string> module_names(const JsonReader& reader) {
  const json* value = reader.find("target_modules");
  if (value == nullptr) reader.missing("target_modules");
  if (value->is_string()) return {};  // "all-linear", or a regular expression
  std::vector<std::string> names;
  if (!value->is_array()) reader.wrong("target_modules", "a text or a list of names");
  for (const json& item : *value) {
    if (!item.is_string() || item.get_ref<const std::string&>().empty())
      reader.wrong("target_modules", "a text or a list of names");
    names.push_back(item.get<std::string>());
  }
  return names;
}

template <class Value>
Value by_module(const std::map<std::string, Value>& pattern, std::string_view module, Value usual) {
  for (const auto& [part, value] : pattern) {
    if (ends_with_module(module, part)) return value;
  }
  return usual;
}

}  // namespace

bool ends_with_module(std::string_view module, std::string_view part) {
  return module.ends_with(part) &&
         (module.size() == part.size() || module[module.size() - part.size() - 1] == '.');
}

int LoraConfig::rank_of(std::string_view module) const {
  return by_module(rank_pattern, module, rank);
}

float LoraConfig::scale_of(std::string_view module) const {
  const auto r = static_cast<float>(rank_of(module));
  return by_module(alpha_pattern, module, alpha) / (use_rslora ? std::sqrt(r) : r);
}

LoraConfig parse_lora_config(std::string_view text, const std::string& file) {
  const json document = parse_json_object(text, file);
  const JsonReader reader(document, file);
  if (const auto type = reader.text("peft_type").value_or("no"); type != "LORA")
    fail_user("{} is of {} adapter: LORA is supported: give a LoRA adapter", file, printable(type));
  refuse_others(document, file);
  check_start(reader);
  if (const std::string bias = reader.text("bias").value_or("none"); bias != "none")
    fail_user("{} cannot be merged: 'bias' is {}: none is supported", file, printable(bias));
  LoraConfig config;
  const auto rank = reader.integer("r", 1);
  const auto alpha = reader.number("lora_alpha");
  if (!rank) reader.missing("r");
  if (!alpha) reader.missing("lora_alpha");
  config.rank = *rank;
  config.alpha = *alpha;
  config.use_rslora = reader.boolean("use_rslora").value_or(false);
  config.rank_pattern = pattern<int>(reader, file, "rank_pattern",
                                     [](const auto& r, const auto& name) { return r.integer(name, 1); });
  config.alpha_pattern = pattern<float>(reader, file, "alpha_pattern",
                                        [](const auto& r, const auto& name) { return r.number(name); });
  config.targets = module_names(reader);
  const auto is_given = [&](const char* key) {
    const json* value = reader.find(key);
    return value != nullptr && !(value->is_array() && value->empty());
  };
  config.every_layer = !is_given("layers_to_transform") && !is_given("exclude_modules");
  return config;
}

}  // namespace tessera::io
