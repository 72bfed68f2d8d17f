#include "io/hf_config.hpp"

#include "io/hf_keys.hpp"
#include "io/json.hpp"
#include "util/error.hpp"

namespace tessera::io {
namespace {

using nlohmann::json;

/// "text" or {"content": "text", ...}.
std::string token_text(const JsonReader& reader, std::string_view key, const std::string& file) {
  const json* value = reader.find(key);
  if (value == nullptr || !value->is_object()) return reader.text(key).value_or("");
  return JsonReader(*value, file, std::string(key) + ".").text("content").value_or("");
}

/// Of an architecture that is not known: the sizes that have the usual names, here or in text_config, and by
/// name whatever else the file asks for.
void read_foreign_keys(const JsonReader& reader, ModelConfig& config) {
  const auto note = [&](const JsonReader& object, const std::string& where) {
    for (const std::string& key : unknown_keys(object, config))
      config.other_arithmetic.push_back(where + key);
  };
  const json* inner = reader.object("text_config");
  if (inner == nullptr) {
    read_known_sizes(reader, config);
  } else {
    const JsonReader text(*inner, reader.file(), "text_config.");
    read_known_sizes(text, config);
    note(text, "text_config.");
  }
  for (const std::string key : {"attn_config", "ffn_config"}) {
    if (const json* part = reader.object(key)) note(JsonReader(*part, reader.file(), key + "."), key + ".");
  }
  note(reader, "");
}

}  // namespace

ModelConfig parse_hf_config(std::string_view text, const std::string& file, FamilyFormats formats) {
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
  const std::vector<int> bos = read_token_ids(reader, "bos_token_id");
  config.bos_token_id = bos.empty() ? -1 : bos.front();
  config.eos_token_ids = read_token_ids(reader, "eos_token_id");
  const FamilyFormat* family = find_format(formats, config.architecture);
  if (family == nullptr) {
    read_foreign_keys(reader, config);
    return config;
  }
  family->read_config(reader, config);
  const std::vector<std::string> unknown = unknown_keys(reader, config);
  config.other_arithmetic.insert(config.other_arithmetic.end(), unknown.begin(), unknown.end());
  return config;
}

void apply_generation_config(ModelConfig& config, std::string_view text, const std::string& file) {
  const json document = parse_json_object(text, file);
  std::vector<int> ids = read_token_ids(JsonReader(document, file), "eos_token_id");
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
