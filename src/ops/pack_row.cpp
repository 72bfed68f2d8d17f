#include "ops/pack_row.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "tensor/bfloat16.hpp"

namespace tessera {
namespace {

void read_row(const Tensor& from, std::int64_t row, std::span<float> values) {
  const auto dim = static_cast<std::int64_t>(values.size());
  switch (from.form()) {
    case Form::RowsF32:
      std::copy_n(from.data<float>() + row * dim, dim, values.begin());
      break;
    case Form::RowsBf16: {
      const bf16* in = from.data<bf16>() + row * dim;
      std::transform(in, in + dim, values.begin(), bf16_to_float);
      break;
    }
    case Form::RowsBfp8:
      decode_bfp8_row(from.data<std::byte>() + row * bfp8_row_bytes(dim), values);
      break;
    default: {
      const std::int32_t* in = from.data<std::int32_t>() + row * dim;
      std::transform(in, in + dim, values.begin(),
                     [&](std::int32_t bits) { return integer_value(from.dtype(), bits); });
    }
  }
}

// float32 storage of another dtype: the ref engine.
void round_row(DataType dtype, std::span<float> values) {
  if (dtype == DataType::BFLOAT16) {
    std::ranges::transform(values, values.begin(), round_to_bf16);
  } else if (dtype == DataType::BFLOAT8_B) {
    std::vector<std::byte> packed(static_cast<std::size_t>(bfp8_row_bytes(std::ssize(values))));
    encode_bfp8_row(values, packed.data());
    decode_bfp8_row(packed.data(), values);
  }
}

}  // namespace

void pack_row(const Tensor& from, std::int64_t from_row, const Tensor& to, std::int64_t to_row) {
  const std::int64_t dim = to.logical_shape()[-1];
  // Packing what was unpacked would flush the denormals of a group with a small exponent.
  if (is_block_float(to.dtype()) && from.dtype() == to.dtype()) {
    const auto bytes = static_cast<std::int64_t>(form_bytes(to.form(), {1, dim}));
    std::memcpy(to.data<std::byte>() + to_row * bytes, from.data<std::byte>() + from_row * bytes,
                static_cast<std::size_t>(bytes));
    return;
  }
  static thread_local std::vector<float> scratch;
  scratch.resize(std::max(scratch.size(), static_cast<std::size_t>(dim)));
  const std::span<float> values(scratch.data(), static_cast<std::size_t>(dim));
  read_row(from, from_row, values);
  switch (to.form()) {
    case Form::RowsBf16:
      std::ranges::transform(values, to.data<bf16>() + to_row * dim, float_to_bf16);
      break;
    case Form::RowsBfp8:
      encode_bfp8_row(values, to.data<std::byte>() + to_row * bfp8_row_bytes(dim));
      break;
    default:
      round_row(to.dtype(), values);
      std::ranges::copy(values, to.data<float>() + to_row * dim);
  }
}

}  // namespace tessera
