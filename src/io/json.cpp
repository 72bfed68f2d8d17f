#include "io/json.hpp"

#include <cmath>

#include "io/byte_reader.hpp"
#include "util/error.hpp"

namespace tessera::io {

using nlohmann::json;

json parse_json_object(std::string_view text, std::string_view file) {
  json value;
  try {
    value = json::parse(text);
  } catch (const json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, ...". The texts quote the input, which may
    // hold anything.
    std::string reason = error.what();
    if (const auto at = reason.find("] "); at != std::string::npos) reason = reason.substr(at + 2);
    fail_user("{} is not valid JSON: {}: correct the file or get it again", file, printable(reason));
  }
  if (!value.is_object())
    fail_user("{} is not a JSON object but {}: get the file again", file, value.type_name());
  return value;
}

const json* JsonReader::find(std::string_view key) const {
  asked_.emplace(key);
  const auto it = object_.find(key);
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

std::optional<int> JsonReader::integer(std::string_view key, int least) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  constexpr int kMost = std::numeric_limits<int>::max();
  bool fits = value->is_number_integer();
  if (fits && value->is_number_unsigned())
    fits = value->get<std::uint64_t>() <= static_cast<std::uint64_t>(kMost);
  const std::int64_t number = fits ? value->get<std::int64_t>() : 0;
  if (!fits || number < least || number > kMost) {
    wrong(key, least == std::numeric_limits<int>::min() ? "an integer"
                                                        : fmt::format("an integer of at least {}", least));
  }
  return static_cast<int>(number);
}

std::optional<float> JsonReader::number(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) wrong(key, "a number");
  const double number = value->get<double>();
  if (!(std::abs(number) <= std::numeric_limits<float>::max())) wrong(key, "a number that fits float32");
  return static_cast<float>(number);
}

std::optional<float> JsonReader::positive(std::string_view key) const {
  const auto value = number(key);
  if (value && !(*value > 0)) wrong(key, "a positive number");
  return value;
}

std::optional<bool> JsonReader::boolean(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) wrong(key, "true or false");
  return value->get<bool>();
}

std::optional<std::string> JsonReader::text(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) wrong(key, "a text");
  return value->get<std::string>();
}

const json* JsonReader::object(std::string_view key) const {
  const json* value = find(key);
  if (value != nullptr && !value->is_object()) wrong(key, "an object");
  return value;
}

void JsonReader::missing(std::string_view key) const {
  fail_user("{} cannot be used: '{}{}' is missing: get the model's own file", file_, where_, key);
}

void JsonReader::wrong(std::string_view key, std::string_view wanted) const {
  const json* value = find(key);
  std::string has = "absent";
  // dump() recurses, and an array may hold 100,000 others.
  if (value != nullptr && value->is_structured())
    has = value->type_name();
  else if (value != nullptr)
    has = value->dump(-1, ' ', true, json::error_handler_t::replace);
  fail_user("{} cannot be used: '{}{}' is {}: it must be {}", file_, where_, key, printable(has), wanted);
}

}  // namespace tessera::io
