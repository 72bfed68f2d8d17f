#include "io/safetensors.hpp"

#include <memory>
#include <nlohmann/json.hpp>

#include "io/byte_reader.hpp"
#include "io/gguf_dequant.hpp"
#include "tessera_rust.h"
#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::io {
namespace {

using nlohmann::json;
using RustText = std::unique_ptr<char, decltype(&tessera_rust_free_string)>;

RustText owned(char* text) {
  return {text, tessera_rust_free_string};
}

}  // namespace

std::size_t SafetensorsEntry::values() const {
  std::size_t count = 1;
  for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
  return count;
}

const SafetensorsEntry* Safetensors::find(std::string_view name) const {
  for (const SafetensorsEntry& entry : tensors) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

Safetensors parse_safetensors(std::span<const std::byte> bytes, const std::string& file) {
  char* text = nullptr;
  std::size_t size = 0;
  const RustText error = owned(tessera_rust_safetensors_header(
      reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), &text, &size));
  if (error)
    fail_user("{} is not a whole safetensors file: {}: get the file again", file, printable(error.get()));
  const RustText header = owned(text);

  Safetensors result;
  const json document = json::parse(std::string_view(header.get(), size));  // ours, from the Rust side
  for (const json& item : document.at("tensors")) {
    SafetensorsEntry entry;
    entry.name = item.at("name").get<std::string>();
    entry.dtype = item.at("dtype").get<std::string>();
    const auto begin = item.at("begin").get<std::uint64_t>(), end = item.at("end").get<std::uint64_t>();
    for (const json& dim : item.at("shape")) {
      // A product that the parser found to fit the file has no larger factor, unless another one is 0.
      const auto value = dim.get<std::uint64_t>();
      if (value == 0 || value > bytes.size() * 8) {
        fail_user("{} cannot be used: tensor '{}' has a dimension of {}: get the file again", file,
                  printable(entry.name), value);
      }
      entry.shape.push_back(static_cast<std::int64_t>(value));
    }
    entry.data = bytes.subspan(begin, end - begin);
    result.tensors.push_back(std::move(entry));
  }
  const json& metadata = document.at("metadata");
  for (const auto& [key, value] : metadata.items()) result.metadata[key] = value.get<std::string>();
  return result;
}

void read_floats(const SafetensorsEntry& entry, std::span<float> out) {
  for (const GgmlType type : {GgmlType::F32, GgmlType::F16, GgmlType::BF16}) {
    if (entry.dtype == ggml_type_info(type).name) return dequantize(type, entry.data, out);
  }
  fail_user("tensor '{}' has dtype {}: F32, F16 and BF16 are read: use a checkpoint in one of them",
            printable(entry.name), entry.dtype);
}

void SafetensorsWriter::add(std::string name, std::vector<std::int64_t> shape,
                            std::span<const float> values) {
  tensors_.push_back({std::move(name), "F32", std::move(shape), std::as_bytes(values)});
}

void SafetensorsWriter::add(std::string name, std::vector<std::int64_t> shape,
                            std::span<const std::int32_t> values) {
  tensors_.push_back({std::move(name), "I32", std::move(shape), std::as_bytes(values)});
}

void SafetensorsWriter::write(const std::filesystem::path& path) const {
  nlohmann::ordered_json header;
  if (!metadata_.empty()) header["__metadata__"] = metadata_;
  std::size_t offset = 0;
  for (const SafetensorsEntry& entry : tensors_) {
    if (entry.values() * 4 != entry.data.size()) {
      fail_user("cannot write {}: tensor '{}' has {} values and {} bytes", path.string(), entry.name,
                entry.values(), entry.data.size());
    }
    header[entry.name] = {{"dtype", entry.dtype},
                          {"shape", entry.shape},
                          {"data_offsets", {offset, offset + entry.data.size()}}};
    offset += entry.data.size();
  }
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data begin at a multiple of 8

  AtomicFile file(path);
  const std::uint64_t length = text.size();
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(text);
  for (const SafetensorsEntry& entry : tensors_) file.write(entry.data);
  file.commit();
}

}  // namespace tessera::io
