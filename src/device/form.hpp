#pragma once
// The physical form of a tensor: the engine's business, never the model's. Activations are compact rows;
// weights that a matmul streams are strips of 32 output columns, so that a thread reads one run of memory.
#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/spec.hpp"

namespace tessera {

enum class Form : std::uint8_t {
  None,       // no bytes: the meta engine
  RowsF32,    // row-major float32
  RowsBf16,   // row-major bfloat16
  RowsBfp8,   // each row: ceil(cols/16) exponents, then ceil(cols/16)*16 sign-magnitude bytes
  RowsInt32,  // row-major 32-bit integers
  StripsF32,  // strips of a [K, N] matrix, see below
  StripsBf16,
  StripsBfp8,
  StripsBfp4,
};

constexpr std::int64_t kStrip = 32;

constexpr bool is_strips(Form form) {
  return form >= Form::StripsF32;
}

/// Bytes of a whole tensor in this form. Strips: the last two dimensions are [K, N]; N is padded to 32.
///
/// A strip is: StripsF32 / StripsBf16: K rows of 32 values. StripsBfp8 / StripsBfp4: see block_strips.hpp;
/// groups of 16 values that all lie below 2^-120 are stored as zeros.
std::int64_t form_bytes(Form form, const Shape& shape);

/// Encodes row-major values of the logical shape; block-float strips by the host rule, RowsBfp8 by the
/// packer's, RowsInt32 as int32 (a form has no sign: tensor.hpp does uint32).
void encode(Form form, const Shape& shape, std::span<const float> values, std::span<std::byte> bytes);

/// Row-major values, exact.
void decode(Form form, const Shape& shape, std::span<const std::byte> bytes, std::span<float> values);

/// One row of a RowsBfp8 tensor, by the device packer's rule, and back. `row` has bfp8_row_bytes(cols) bytes.
std::int64_t bfp8_row_bytes(std::int64_t cols);
void encode_bfp8_row(std::span<const float> values, std::byte* row);
void decode_bfp8_row(const std::byte* row, std::span<float> values);

}  // namespace tessera
