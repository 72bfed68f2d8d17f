#pragma once
// Data types and layouts, by TT-NN's names.
#include <cstdint>
#include <string_view>

namespace tessera {

enum class DataType : std::uint8_t { FLOAT32, BFLOAT16, BFLOAT8_B, BFLOAT4_B, UINT32, INT32 };
enum class Layout : std::uint8_t { ROW_MAJOR, TILE };

/// "float32", "bfloat16", "bfloat8_b", "bfloat4_b", "uint32", "int32".
std::string_view to_string(DataType dtype);
/// "row_major", "tile".
std::string_view to_string(Layout layout);

/// Reads a name as above, or TT-Transformers' short forms (BF16, BFP8, BFP4). Throws UserError.
DataType parse_dtype(std::string_view name);

constexpr bool is_block_float(DataType dtype) {
  return dtype == DataType::BFLOAT8_B || dtype == DataType::BFLOAT4_B;
}
constexpr bool is_integer(DataType dtype) {
  return dtype == DataType::UINT32 || dtype == DataType::INT32;
}

/// The 32 bits that hold a float in an integer dtype: cut off towards zero, clamped to what 32 bits can hold
/// (a uint32 may come as its negative twin), NaN as 0.
std::int32_t integer_bits(DataType dtype, float value);
/// The float nearest to such bits.
float integer_value(DataType dtype, std::int32_t bits);

}  // namespace tessera
