#include "models/precision.hpp"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::models {
namespace {

Precision uniform(std::string name, DataType weights, DataType rest) {
  Precision p;
  p.name = std::move(name);
  p.decoder = {weights, weights, weights, weights};
  p.activation = DataType::FLOAT32;
  p.kv_cache = p.embedding = p.norm = rest;
  p.lm_head = weights;
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

Precision from_json(const std::string& path) {
  Precision p = parse_precision("accuracy");
  p.name = path;
  std::map<std::string, DataType> whole_model;  // groups that have one dtype for all layers
  nlohmann::json json;
  try {
    json = nlohmann::json::parse(read_text_file(path));
    for (const auto& [layer, settings] : json.at("decoders").items()) {
      int index = -1;
      const auto parsed = std::from_chars(layer.data(), layer.data() + layer.size(), index);
      check(parsed.ec == std::errc{} && parsed.ptr == layer.data() + layer.size() && index >= 0,
            "{}: decoder \"{}\": a layer number expected", path, layer);
      DecoderPrecision decoder = p.decoder;
      if (settings.contains("precision_cfg")) {
        for (const auto& [group, dtype] : settings.at("precision_cfg").items()) {
          if (dtype.is_null()) continue;
          const auto value = parse_dtype(dtype.get<std::string>());
          if (group == "KV_CACHE" || group == "ACTIVATION") {
            const auto first = whole_model.emplace(group, value).first->second;
            check(first == value, "{}: {} is {} in decoder {} and {} before: give all layers the same", path,
                  group, to_string(value), index, to_string(first));
          }
          set_group(p, decoder, group, value, path);
          check_dtype(group, value, path);
        }
      }
      p.overrides[index] = decoder;
    }
  } catch (const nlohmann::json::exception& error) {
    fail_user("{}: not a precision file ({}): see {{\"decoders\": {{\"0\": {{\"precision_cfg\": {{}}}}}}}}",
              path, error.what());
  }
  return p;
}

}  // namespace

const DecoderPrecision& Precision::layer(int i) const {
  const auto it = overrides.find(i);
  return it == overrides.end() ? decoder : it->second;
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

Precision parse_precision(std::string_view name) {
  if (name == "accuracy") return uniform("accuracy", DataType::BFLOAT8_B, DataType::BFLOAT16);
  if (name == "performance") {
    Precision p = parse_precision("accuracy");
    p.name = "performance";
    p.decoder.ff1_ff3 = DataType::BFLOAT4_B;
    return p;
  }
  if (name == "bf16") return uniform("bf16", DataType::BFLOAT16, DataType::BFLOAT16);
  if (name == "fp32") return uniform("fp32", DataType::FLOAT32, DataType::FLOAT32);
  if (name.ends_with(".json")) return from_json(std::string(name));
  fail_user("unknown precision: \"{}\": use accuracy, performance, bf16, fp32 or a .json file", name);
}

}  // namespace tessera::models
