#pragma once
// The tensor types of GGUF files.
#include <cstdint>
#include <string_view>

namespace tessera::io {

/// Numbers as in the file (ggml_type of ggml.h).
enum class GgmlType : std::uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q2_K = 10,
  Q3_K = 11,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  BF16 = 30,
};

/// A tensor is a row of blocks of `block_values` values in `block_bytes` bytes each.
struct GgmlTypeInfo {
  GgmlType type;
  std::string_view name;
  std::uint32_t block_values;
  std::uint32_t block_bytes;
};

/// nullptr for a type that cannot be read here.
const GgmlTypeInfo* find_ggml_type(std::uint32_t type);
const GgmlTypeInfo& ggml_type_info(GgmlType type);

/// The name of a type that other programs write and this one does not read ("IQ4_NL"), else "unknown".
std::string_view foreign_ggml_type_name(std::uint32_t type);

}  // namespace tessera::io
