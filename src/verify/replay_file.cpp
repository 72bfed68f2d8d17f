#include "verify/replay_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "io/json.hpp"
#include "io/safetensors.hpp"
#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::verify {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::pair<std::string_view, MathFidelity>, 4> kFidelities{
    {{"LoFi", MathFidelity::LoFi},
     {"HiFi2", MathFidelity::HiFi2},
     {"HiFi3", MathFidelity::HiFi3},
     {"HiFi4", MathFidelity::HiFi4}}};

Json to_json(const OpAttribute& attribute) {
  return std::visit([](const auto& value) { return Json(value); }, attribute);
}

Json to_json(const OpOptions& options) {
  Json json = Json::object();
  if (options.dtype) json["dtype"] = to_string(*options.dtype);
  if (options.in0_block_w) json["in0_block_w"] = *options.in0_block_w;
  if (options.k_chunk_size) json["k_chunk_size"] = *options.k_chunk_size;
  if (options.exp_approx_mode) json["exp_approx_mode"] = *options.exp_approx_mode;
  if (const auto& c = options.compute_kernel_config) {
    const auto* name =
        std::ranges::find(kFidelities, c->math_fidelity, &std::pair<std::string_view, MathFidelity>::second);
    json["compute_kernel_config"] = {{"math_fidelity", name->first},
                                     {"math_approx_mode", c->math_approx_mode},
                                     {"fp32_dest_acc_en", c->fp32_dest_acc_en},
                                     {"packer_l1_acc", c->packer_l1_acc}};
  }
  return json;
}

Json to_json(const CaseInput& input) {
  if (!input.present) return nullptr;
  return {{"dtype", to_string(input.spec.dtype)},
          {"layout", input.spec.layout == Layout::TILE ? "tile" : "row_major"},
          {"width_sharded", input.memory_config.memory_layout == TensorMemoryLayout::WIDTH_SHARDED},
          {"constant", input.constant}};
}

std::vector<std::int64_t> dims_of(const TensorSpec& spec) {
  const auto dims = spec.logical_shape.dims();
  return {dims.begin(), dims.end()};
}

// Reads one JSON object of the call with its keys checked: what nobody asked for is an error.
class Object {
 public:
  Object(const Json& json, const std::string& file, std::string where)
      : reader_(json, file, where), where_(std::move(where)) {}

  std::string text(std::string_view key) { return need(reader_.text(key), key); }
  bool flag(std::string_view key) { return need(reader_.boolean(key), key); }
  io::JsonReader& reader() { return reader_; }
  const Json& object(std::string_view key) {
    const Json* found = reader_.object(key);
    if (found == nullptr) reader_.missing(key);
    return *found;
  }
  void finish() const {
    for (const auto& [key, value] : reader_.members().items())
      check(reader_.was_asked(key), "{}: unknown key \"{}{}\": leave it out", reader_.file(), where_, key);
  }

 private:
  template <class T>
  T need(std::optional<T> value, std::string_view key) {
    if (!value) reader_.missing(key);
    return *std::move(value);
  }

  io::JsonReader reader_;
  std::string where_;
};

OpAttribute read_attribute(const Json& json, const std::string& file, const std::string& key) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  check(json.is_array() && std::ranges::all_of(json, [](const Json& v) { return v.is_number(); }),
        "{}: attribute {}: a switch, a number, a text or a list of numbers expected", file, key);
  return json.get<std::vector<float>>();
}

ComputeKernelConfig read_config(const Json& json, const std::string& file) {
  Object from(json, file, "options.compute_kernel_config.");
  const std::string name = from.text("math_fidelity");
  const auto* found = std::ranges::find(kFidelities, name, &std::pair<std::string_view, MathFidelity>::first);
  check(found != kFidelities.end(), "{}: math_fidelity \"{}\": LoFi, HiFi2, HiFi3 or HiFi4 expected", file,
        name);
  ComputeKernelConfig config{found->second, from.flag("math_approx_mode"), from.flag("fp32_dest_acc_en"),
                             from.flag("packer_l1_acc")};
  from.finish();
  return config;
}

OpOptions read_options(const Json& json, const std::string& file) {
  Object from(json, file, "options.");
  OpOptions options;
  if (const auto dtype = from.reader().text("dtype")) options.dtype = parse_dtype(*dtype);
  options.in0_block_w = from.reader().integer("in0_block_w", 1);
  options.k_chunk_size = from.reader().integer("k_chunk_size", 32);
  options.exp_approx_mode = from.reader().boolean("exp_approx_mode");
  if (const Json* config = from.reader().object("compute_kernel_config"))
    options.compute_kernel_config = read_config(*config, file);
  from.finish();
  return options;
}

CaseInput read_input(const Json& json, const io::Safetensors& tensors, std::size_t index,
                     const std::string& file) {
  CaseInput input;
  const std::string name = fmt::format("input.{}", index);
  const io::SafetensorsEntry* entry = tensors.find(name);
  input.present = !json.is_null();
  check(input.present == (entry != nullptr),
        "{}: {} is {} the call and {} the file: both or neither expected", file, name,
        input.present ? "in" : "not in", entry != nullptr ? "in" : "not in");
  if (!input.present) return input;
  check(json.is_object(), "{}: {}: an object expected", file, name);
  Object from(json, file, name + ".");
  input.spec.dtype = parse_dtype(from.text("dtype"));
  const std::string layout = from.text("layout");
  check(layout == "tile" || layout == "row_major", "{}: {}.layout \"{}\": tile or row_major expected", file,
        name, layout);
  input.spec.layout = layout == "tile" ? Layout::TILE : Layout::ROW_MAJOR;
  if (from.flag("width_sharded")) input.memory_config = DRAM_WIDTH_SHARDED;
  input.constant = from.flag("constant");
  from.finish();
  check(!entry->shape.empty() && entry->shape.size() <= Shape::kMaxRank && entry->values() > 0,
        "{}: {} has {} dimensions and {} values: 1 to {} dimensions that are not empty expected", file, name,
        entry->shape.size(), entry->values(), Shape::kMaxRank);
  input.spec.logical_shape = Shape(entry->shape);
  const bool integer = is_integer(input.spec.dtype);
  check(entry->dtype == (integer ? "I32" : "F32"), "{}: {} is {}: {} expected for {}", file, name,
        entry->dtype, integer ? "I32" : "F32", to_string(input.spec.dtype));
  if (integer) {
    input.integers.resize(entry->values());
    std::ranges::copy(entry->data, std::as_writable_bytes(std::span(input.integers)).begin());
  } else {
    input.values.resize(entry->values());
    io::read_floats(*entry, input.values);
  }
  return input;
}

}  // namespace

void write_replay(const std::filesystem::path& path, const OpCase& op_case) {
  const std::optional<OpCall> call = describe_call(*op_case.op);
  check(call.has_value(), "cannot write {}: {} is no op that can be run by itself", path.string(),
        op_case.op->name());
  Json json{{"path", op_case.path},
            {"mode", op_case.mode},
            {"op", call->name},
            {"options", to_json(call->options)}};
  json["attributes"] = Json::object();
  for (const auto& [key, value] : call->attributes) json["attributes"][key] = to_json(value);
  json["inputs"] = Json::array();
  io::SafetensorsWriter out;
  for (std::size_t i = 0; i < op_case.inputs.size(); ++i) {
    const CaseInput& input = op_case.inputs[i];
    json["inputs"].push_back(to_json(input));
    if (!input.present) continue;
    const std::string name = fmt::format("input.{}", i);
    if (is_integer(input.spec.dtype)) {
      out.add(name, dims_of(input.spec), std::span<const std::int32_t>(input.integers));
    } else {
      out.add(name, dims_of(input.spec), std::span<const float>(input.values));
    }
  }
  out.metadata("format", "tessera-replay");
  out.metadata("version", "1");
  out.metadata("call", json.dump());
  out.write(path);
}

OpCase parse_replay(std::span<const std::byte> bytes, const std::string& file) {
  const io::Safetensors tensors = io::parse_safetensors(bytes, file);
  const auto of = [&](const char* key) {
    const auto at = tensors.metadata.find(key);
    return at == tensors.metadata.end() ? std::string() : at->second;
  };
  check(of("format") == "tessera-replay" && of("version") == "1",
        "{}: format \"{}\", version \"{}\": a tessera-replay file of version 1 expected", file, of("format"),
        of("version"));
  const Json json = io::parse_json_object(of("call"), file);
  Object from(json, file, "");
  OpCase result;
  result.path = from.text("path");
  result.mode = from.text("mode");
  OpCall call{from.text("op"), {}, read_options(from.object("options"), file)};
  for (const auto& [key, value] : from.object("attributes").items())
    call.attributes.emplace(key, read_attribute(value, file, key));
  const Json* inputs = from.reader().find("inputs");
  check(inputs != nullptr && inputs->is_array() && inputs->size() <= 1026,
        "{}: inputs: a list of at most 1026 expected", file);
  from.finish();
  std::vector<bool> present;
  for (std::size_t i = 0; i < inputs->size(); ++i) {
    result.inputs.push_back(read_input((*inputs)[i], tensors, i, file));
    present.push_back(result.inputs.back().present);
  }
  const auto used = static_cast<std::size_t>(std::ranges::count(present, true));
  check(tensors.tensors.size() == used, "{}: {} tensors, {} inputs: leave the others out", file,
        tensors.tensors.size(), used);
  result.op = make_operation(call, present);
  return result;
}

OpCase read_replay(const std::filesystem::path& path) {
  const auto mapping = MappedFile::open(path);
  return parse_replay(mapping->bytes(), path.string());
}

}  // namespace tessera::verify
