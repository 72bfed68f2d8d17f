#include "tensor/dtype.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>

#include "util/error.hpp"

namespace tessera {
namespace {

constexpr std::array<std::pair<std::string_view, DataType>, 11> kNames{{
    {"float32", DataType::FLOAT32},
    {"bfloat16", DataType::BFLOAT16},
    {"bfloat8_b", DataType::BFLOAT8_B},
    {"bfloat4_b", DataType::BFLOAT4_B},
    {"uint32", DataType::UINT32},
    {"int32", DataType::INT32},
    {"fp32", DataType::FLOAT32},
    {"f32", DataType::FLOAT32},
    {"bf16", DataType::BFLOAT16},
    {"bfp8", DataType::BFLOAT8_B},
    {"bfp4", DataType::BFLOAT4_B},
}};

}  // namespace

std::string_view to_string(DataType dtype) {
  for (const auto& [name, value] : kNames) {
    if (value == dtype) return name;
  }
  return "?";
}

std::string_view to_string(Layout layout) {
  return layout == Layout::TILE ? "tile" : "row_major";
}

DataType parse_dtype(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const auto& [known, value] : kNames) {
    if (known == lower) return value;
  }
  fail_user("unknown data type: \"{}\": use float32, bfloat16, bfloat8_b, bfloat4_b, uint32 or int32", name);
}

std::int32_t integer_bits(DataType dtype, float value) {
  if (value != value) return 0;
  // 2^31 and 2^32 are floats; the largest integers below them are not, so the clamp is done in double.
  const double most = dtype == DataType::UINT32 ? 4294967295.0 : 2147483647.0;
  return static_cast<std::int32_t>(
      static_cast<std::int64_t>(std::clamp(static_cast<double>(value), -2147483648.0, most)));
}

float integer_value(DataType dtype, std::int32_t bits) {
  return dtype == DataType::UINT32 ? static_cast<float>(static_cast<std::uint32_t>(bits))
                                   : static_cast<float>(bits);
}

}  // namespace tessera
