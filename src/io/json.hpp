#pragma once
// JSON files of others: every complaint of the parser is a UserError that names the file and the key.
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace tessera::io {

/// The text must be one JSON object. Throws UserError with the position of the fault.
nlohmann::json parse_json_object(std::string_view text, std::string_view file);

/// Reads members of one object with their types checked. An absent or null member is nullopt. Remembers which
/// members were asked for, so that those that nobody understands can be told.
class JsonReader {
 public:
  /// `where` is the path of the object in the file: "" or "rope_scaling.".
  JsonReader(const nlohmann::json& object, std::string_view file, std::string where = "")
      : object_(object), file_(file), where_(std::move(where)) {}

  bool has(std::string_view key) const { return find(key) != nullptr; }
  /// An integer of at least `least` that fits int.
  std::optional<int> integer(std::string_view key, int least = std::numeric_limits<int>::min()) const;
  /// Finite, fits float.
  std::optional<float> number(std::string_view key) const;
  std::optional<float> positive(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string> text(std::string_view key) const;
  /// nullptr when absent or null.
  const nlohmann::json* object(std::string_view key) const;
  const nlohmann::json* find(std::string_view key) const;

  const nlohmann::json& members() const { return object_; }
  bool was_asked(std::string_view key) const { return asked_.contains(key); }
  std::string_view file() const { return file_; }

  [[noreturn]] void missing(std::string_view key) const;
  [[noreturn]] void wrong(std::string_view key, std::string_view wanted) const;

 private:
  const nlohmann::json& object_;
  std::string_view file_;
  std::string where_;
  mutable std::set<std::string, std::less<>> asked_;
};

}  // namespace tessera::io
