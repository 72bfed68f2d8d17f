#pragma once
// A folder of hardware vectors: index.json lists cases, whose buffers are [offset, bytes] in vectors.bin.
#include <cstddef>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>

#include "tensor/dtype.hpp"
#include "util/file.hpp"
#include "wormhole/fidelity.hpp"
#include "wormhole/tile.hpp"

namespace tessera::vectors {

using Bytes = std::span<const std::byte>;

class VectorFolder {
 public:
  /// Throws UserError when a file is missing or index.json is not JSON.
  explicit VectorFolder(const std::filesystem::path& folder);

  const nlohmann::json& index() const { return index_; }
  const std::string& file() const { return file_; }
  Bytes data() const { return data_->bytes(); }

 private:
  std::shared_ptr<const MappedFile> data_;
  std::string file_;
  nlohmann::json index_;
};

/// One case of a list; every complaint is a UserError that names the case and the field.
class VectorCase {
 public:
  VectorCase(const VectorFolder& folder, std::string list, std::size_t number);

  /// "matmul[12]".
  std::string name() const;
  /// The case's words, for people: "matmul[12] bf16 bfp8_b wide HiFi2 fp32".
  std::string describe() const;
  const nlohmann::json& fields() const { return fields_; }

  std::string text(std::string_view key) const;
  bool flag(std::string_view key) const;
  int integer(std::string_view key) const;
  DataType dtype(std::string_view key) const;
  MathFidelity fidelity() const;
  wormhole::DestFormat dest() const;
  /// nullopt when absent or null; otherwise `bytes` long.
  std::optional<Bytes> buffer(std::string_view key, std::size_t bytes) const;
  Bytes required(std::string_view key, std::size_t bytes) const;

 private:
  const nlohmann::json* find(std::string_view key) const;
  [[noreturn]] void wrong(std::string_view key, std::string_view wanted) const;

  const VectorFolder& folder_;
  std::string list_;
  std::size_t number_;
  const nlohmann::json& fields_;
};

/// "bf16", "bfp8_b", "bfp4_b", "fp32"; nullopt for other words.
std::optional<DataType> parse_format(std::string_view word);

}  // namespace tessera::vectors
