#include "ops/exact_rows.hpp"

#include <algorithm>
#include <bit>

#include "tensor/bfloat16.hpp"
#include "wormhole/pack.hpp"
#include "wormhole/unpack.hpp"

namespace tessera {

void load_source_row(const Tensor& tensor, std::int64_t row, bool fp32_dest, std::span<std::uint32_t> words) {
  const std::int64_t columns = tensor.logical_shape()[-1];
  const auto used = static_cast<std::size_t>(columns);
  if (tensor.form() == Form::RowsBf16) {
    const bf16* values = tensor.data<const bf16>() + row * columns;
    for (std::size_t i = 0; i < used; ++i) words[i] = static_cast<std::uint32_t>(values[i]) << 16;
  } else if (tensor.form() == Form::RowsF32) {
    const auto format = fp32_dest ? wormhole::SrcFormat::Tf32 : wormhole::SrcFormat::Float16b;
    const auto* values = tensor.data<const std::uint32_t>() + row * columns;
    for (std::size_t i = 0; i < used; ++i) words[i] = wormhole::unpack_float32(values[i], format);
  } else {
    std::vector<float> values(used);
    decode_bfp8_row(tensor.data<const std::byte>() + row * bfp8_row_bytes(columns), values);
    for (std::size_t i = 0; i < used; ++i) words[i] = std::bit_cast<std::uint32_t>(values[i]);
  }
  std::fill(words.begin() + columns, words.end(), 0u);
}

void store_row(wormhole::DestFormat format, std::span<const std::uint32_t> dest, Tensor& tensor,
               std::int64_t row, std::int64_t first) {
  const std::int64_t at = row * tensor.logical_shape()[-1] + first;
  const bool wide = tensor.form() == Form::RowsF32;
  for (std::size_t i = 0; i < dest.size(); ++i) {
    const std::uint32_t word =
        wormhole::pack_word(format, dest[i], wide ? DataType::FLOAT32 : DataType::BFLOAT16);
    if (wide) {
      tensor.data<std::uint32_t>()[at + static_cast<std::int64_t>(i)] = word;
    } else {
      tensor.data<bf16>()[at + static_cast<std::int64_t>(i)] = static_cast<bf16>(word >> 16);
    }
  }
}

ComputeKernelConfig kernel_config(const OpOptions& options, const ComputeKernelConfig& fallback) {
  return options.compute_kernel_config.value_or(fallback);
}

}  // namespace tessera
