#include "models/precision.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::models {
namespace {

using Json = nlohmann::json;

Precision uniform(std::string name, DataType weights, DataType rest) {
  Precision p;
  p.name = std::move(name);
  p.decoder = {weights, weights, weights, weights, standard_fidelity()};
  p.activation = DataType::FLOAT32;
  p.kv_cache = p.embedding = p.norm = rest;
  p.lm_head = weights;
  return p;
}

// HIFI4 with an fp32 Dest everywhere.
Precision most_precise(Precision p) {
  const nn::Fidelity config = parse_fidelity("HIFI4", p.name);
  p.decoder.fidelity.mlp = {config, config};
  p.decoder.fidelity.attention = {config, config, config, config, config, config};
  p.lm_head_fidelity = p.norm_fidelity = config;
  return p;
}

// What the ops can hold: a cache that they write into, hidden states that they compute, weights as real
// numbers.
void check_dtype(const std::string& group, DataType dtype, const std::string& where) {
  const bool rows = dtype == DataType::FLOAT32 || dtype == DataType::BFLOAT16;
  const bool is_cache = group == "KV_CACHE", is_activation = group == "ACTIVATION";
  const bool known = is_activation ? rows
                     : is_cache    ? rows || dtype == DataType::BFLOAT8_B
                                   : !is_integer(dtype);
  check(known, "{}: {} is {}: {} expected", where, group, to_string(dtype),
        is_activation ? "BF16 or float32"
        : is_cache    ? "BFP8, BF16 or float32"
                      : "BFP4, BFP8, BF16 or float32");
}

void set_group(Precision& p, DecoderPrecision& decoder, const std::string& group, DataType dtype,
               const std::string& where) {
  if (group == "FF1_FF3") {
    decoder.ff1_ff3 = dtype;
  } else if (group == "FF2") {
    decoder.ff2 = dtype;
  } else if (group == "WQKV") {
    decoder.wqkv = dtype;
  } else if (group == "WO") {
    decoder.wo = dtype;
  } else if (group == "KV_CACHE") {
    p.kv_cache = dtype;
  } else if (group == "ACTIVATION") {
    p.activation = dtype;
  } else {
    fail_user("{}: unknown precision group \"{}\": FF1_FF3, FF2, WQKV, WO, KV_CACHE and ACTIVATION are known",
              where, group);
  }
}

// An object without other keys than these: a misspelled one would otherwise change nothing without a word.
void check_keys(const Json& json, std::initializer_list<std::string_view> keys, const std::string& what,
                const std::string& where) {
  check(json.is_object(), "{}: {} is {}: an object expected", where, what, json.type_name());
  for (const auto& [key, value] : json.items()) {
    check(std::ranges::find(keys, key) != keys.end(), "{}: unknown key \"{}\" in {}: {} expected", where, key,
          what, fmt::join(keys, " or "));
  }
}

int layer_number(const std::string& text, const std::string& where) {
  int index = -1;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), index);
  check(parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() && index >= 0,
        "{}: decoder \"{}\": a layer number expected", where, text);
  return index;
}

void read_decoders(const Json& decoders, Precision& p, const std::string& where) {
  std::map<std::string, DataType> whole_model;  // groups that have one dtype for all layers
  check(decoders.is_object(), "{}: decoders is {}: an object expected", where, decoders.type_name());
  for (const auto& [layer, settings] : decoders.items()) {
    const int index = layer_number(layer, where);
    const std::string name = fmt::format("decoder {}", index);
    check_keys(settings, {"precision_cfg", "fidelity_cfg"}, name, where);
    DecoderPrecision decoder = p.decoder;
    const Json groups = settings.value("precision_cfg", Json::object());
    const Json fidelities = settings.value("fidelity_cfg", Json::object());
    check(groups.is_object() && fidelities.is_object(),
          "{}: precision_cfg or fidelity_cfg of {}: an object expected", where, name);
    for (const auto& [group, dtype] : groups.items()) {
      if (dtype.is_null()) continue;
      const auto value = parse_dtype(dtype.get<std::string>());
      if (group == "KV_CACHE" || group == "ACTIVATION") {
        const auto first = whole_model.emplace(group, value).first->second;
        check(first == value, "{}: {} is {} in {} and {} before: give all layers the same", where, group,
              to_string(value), name, to_string(first));
      }
      set_group(p, decoder, group, value, where);
      check_dtype(group, value, where);
    }
    for (const auto& [group, fidelity] : fidelities.items()) {
      if (fidelity.is_null()) continue;
      fidelity_of(decoder.fidelity, group, where) = parse_fidelity(fidelity.get<std::string>(), where);
    }
    p.overrides[index] = decoder;
  }
}

}  // namespace

const DecoderPrecision& Precision::layer(int i) const {
  const auto it = overrides.find(i);
  return it == overrides.end() ? decoder : it->second;
}

void Precision::check_layers(int layers) const {
  if (overrides.empty()) return;
  const int last = overrides.rbegin()->first;
  check(last < layers, "{}: decoder {}: the model has {} layers, from 0: give one of them", name, last,
        layers);
}

std::string Precision::fingerprint() const {
  const auto of = [](const DecoderPrecision& d) {
    return fmt::format("{},{},{},{}", to_string(d.ff1_ff3), to_string(d.ff2), to_string(d.wqkv),
                       to_string(d.wo));
  };
  std::string text =
      fmt::format("{};{},{},{}", of(decoder), to_string(lm_head), to_string(embedding), to_string(norm));
  for (const auto& [i, d] : overrides) text += fmt::format(";{}:{}", i, of(d));
  return text;
}

Precision parse_precision_json(std::string_view text, const std::string& name) {
  Precision p;
  try {
    const Json json = Json::parse(text);
    check_keys(json, {"base", "decoders"}, "the file", name);
    const auto base = json.value("base", std::string("accuracy"));
    check(!base.ends_with(".json"), "{}: base is {}: a preset expected", name, base);
    p = parse_precision(base);
    p.name = name;
    read_decoders(json.at("decoders"), p, name);
  } catch (const Json::exception& error) {
    fail_user("{}: not a precision file ({}): see {{\"decoders\": {{\"0\": {{\"precision_cfg\": {{}}}}}}}}",
              name, error.what());
  }
  return p;
}

Precision parse_precision(std::string_view name) {
  if (name == "accuracy") return uniform("accuracy", DataType::BFLOAT8_B, DataType::BFLOAT16);
  if (name == "performance") {
    Precision p = parse_precision("accuracy");
    p.name = "performance";
    p.decoder.ff1_ff3 = DataType::BFLOAT4_B;
    p.decoder.fidelity.mlp.ff1_ff3 = parse_fidelity("LOFI", name);
    return p;
  }
  if (name == "bfp4") return uniform("bfp4", DataType::BFLOAT4_B, DataType::BFLOAT16);
  if (name == "bf16") return most_precise(uniform("bf16", DataType::BFLOAT16, DataType::BFLOAT16));
  if (name == "fp32") return most_precise(uniform("fp32", DataType::FLOAT32, DataType::FLOAT32));
  if (name.ends_with(".json")) return parse_precision_json(read_text_file(name), std::string(name));
  fail_user("unknown precision: \"{}\": use accuracy, performance, bfp4, bf16, fp32 or a .json file", name);
}

}  // namespace tessera::models
