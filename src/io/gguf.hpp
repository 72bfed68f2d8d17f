#pragma once
// GGUF, versions 2 and 3, little-endian (ggml/docs/gguf.md): a table of typed metadata, a table of tensors,
// and the tensors' data, aligned.
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "io/gguf_types.hpp"

namespace tessera::io {

/// Value types of the metadata, numbers as in the file.
enum class GgufValueType : std::uint32_t {
  U8 = 0,
  I8 = 1,
  U16 = 2,
  I16 = 3,
  U32 = 4,
  I32 = 5,
  F32 = 6,
  Bool = 7,
  String = 8,
  Array = 9,
  U64 = 10,
  I64 = 11,
  F64 = 12,
};

/// An array left where it is in the file, already checked to be whole.
struct GgufArray {
  GgufValueType type = GgufValueType::U8;
  std::uint64_t count = 0;
  std::span<const std::byte> bytes;
};

/// Integers widen to 64 bits, floats to double; strings and arrays point into the file.
using GgufValue = std::variant<std::uint64_t, std::int64_t, double, bool, std::string_view, GgufArray>;

struct GgufTensor {
  std::string_view name;
  GgmlType type = GgmlType::F32;
  std::vector<std::uint64_t> dims;  // GGUF order: fastest first
  std::uint64_t values = 0;
  std::span<const std::byte> data;
};

/// A parsed GGUF file; a view of its bytes, which must outlive it.
class Gguf {
 public:
  /// Reads both tables and checks everything (sizes, types, bounds, overlaps, names). `file` names the bytes
  /// in errors. Throws UserError.
  static Gguf parse(std::span<const std::byte> bytes, std::string file);

  const std::string& file() const { return file_; }
  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  const std::map<std::string_view, GgufValue>& metadata() const { return metadata_; }

  /// nullopt when the key is absent; UserError when its value is of another kind.
  std::optional<std::int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string_view> text(std::string_view key) const;
  std::optional<std::vector<std::string>> texts(std::string_view key) const;
  std::optional<std::vector<std::int32_t>> integers(std::string_view key) const;
  std::optional<std::vector<float>> floats(std::string_view key) const;

 private:
  const GgufValue* find(std::string_view key) const;
  const GgufArray* find_array(std::string_view key) const;

  std::string file_;
  std::map<std::string_view, GgufValue> metadata_;
  std::vector<GgufTensor> tensors_;
};

}  // namespace tessera::io
