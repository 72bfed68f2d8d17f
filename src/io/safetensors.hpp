#pragma once
// safetensors: 8 bytes of header length, a JSON header, the tensors' data.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::io {

struct SafetensorsEntry {
  std::string name;
  std::string dtype;  // "F32", "BF16", "I32", ...
  std::vector<std::int64_t> shape;
  std::span<const std::byte> data;

  /// Product of the shape.
  std::size_t values() const;
};

/// The header of a file, a view of its bytes.
struct Safetensors {
  std::vector<SafetensorsEntry> tensors;  // in file order
  std::map<std::string, std::string> metadata;

  /// nullptr when there is no such tensor.
  const SafetensorsEntry* find(std::string_view name) const;
};

/// The reference parser does the work (rust/): truncation, overlaps, holes and wrong sizes are refused.
/// Throws UserError; `file` names the bytes.
Safetensors parse_safetensors(std::span<const std::byte> bytes, const std::string& file);

/// F32, F16 and BF16 to float32. Throws UserError for another dtype or another number of values.
void read_floats(const SafetensorsEntry& entry, std::span<float> out);

/// Collects tensors and writes them with the header; the data given must live until write().
class SafetensorsWriter {
 public:
  void metadata(std::string key, std::string value) { metadata_[std::move(key)] = std::move(value); }
  void add(std::string name, std::vector<std::int64_t> shape, std::span<const float> values);
  void add(std::string name, std::vector<std::int64_t> shape, std::span<const std::int32_t> values);
  /// Whole or not at all. Throws UserError or SystemError.
  void write(const std::filesystem::path& path) const;

 private:
  std::map<std::string, std::string> metadata_;
  std::vector<SafetensorsEntry> tensors_;
};

}  // namespace tessera::io
