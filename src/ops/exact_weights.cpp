#include "ops/exact_weights.hpp"

#include <algorithm>
#include <array>

#include "tensor/bfloat16.hpp"
#include "tensor/tile.hpp"
#include "wormhole/unpack.hpp"

namespace tessera {
namespace {

using wormhole::DestFormat;
using wormhole::SrcFormat;
using wormhole::Tile;

// 32 rows of a strip from `first` on.
void load_bf16_strip(const bf16* strip, std::int64_t first, std::int64_t k, DestFormat dest,
                     wormhole::WeightOperand& operand) {
  const bf16* rows = strip + first * kStrip;
  if (first + kTileSize <= k)
    return wormhole::prepare_weights(dest, std::span<const bf16, 1024>(rows, 1024), operand);
  std::array<bf16, 1024> padded{};
  std::copy_n(rows, (k - first) * kStrip, padded.begin());
  wormhole::prepare_weights(dest, padded, operand);
}

// Row-major weights (interleaved): the columns of a strip are `columns` of `n`.
void load_plain_row(const Tensor& weight, std::int64_t i, std::int64_t first, std::int64_t n,
                    SrcFormat format, std::uint32_t* words) {
  const std::int64_t columns = std::min(kStrip, n - first);
  std::fill_n(words, kStrip, 0u);
  for (std::int64_t c = 0; c < columns; ++c) {
    const std::int64_t at = i * n + first + c;
    words[c] = weight.form() == Form::RowsBf16
                   ? static_cast<std::uint32_t>(weight.data<const bf16>()[at]) << 16
                   : wormhole::unpack_float32(weight.data<const std::uint32_t>()[at], format);
  }
}

}  // namespace

void load_weights(const Tensor& weight, std::int64_t k_tile, std::int64_t column_tile, bool fp32_dest,
                  wormhole::WeightOperand& operand) {
  const std::int64_t k = weight.logical_shape()[-2], n = weight.logical_shape()[-1];
  const DestFormat dest = fp32_dest ? DestFormat::Fp32 : DestFormat::Bf16;
  if (is_block_float(weight.dtype())) {
    const BlockStrip layout(weight.dtype(), k);
    std::array<bf16, 1024> values;
    decode_block(weight.dtype(), layout, weight.data<const std::byte>() + column_tile * layout.bytes, k_tile,
                 values);
    return wormhole::prepare_weights(dest, values, operand);
  }
  const std::byte* strip =
      weight.data<const std::byte>() + column_tile * form_bytes(weight.form(), Shape{k, kStrip});
  if (weight.form() == Form::StripsBf16)
    return load_bf16_strip(reinterpret_cast<const bf16*>(strip), k_tile * kTileSize, k, dest, operand);
  const SrcFormat format = fp32_dest ? SrcFormat::Tf32 : SrcFormat::Float16b;
  Tile tile;
  std::array<std::uint32_t, kStrip> words;
  for (std::int64_t r = 0; r < kTileSize; ++r) {
    const std::int64_t i = k_tile * kTileSize + r;
    if (i >= k) {
      words.fill(0);
    } else if (is_strips(weight.form())) {
      const auto* row = reinterpret_cast<const std::uint32_t*>(strip) + i * kStrip;
      for (std::size_t c = 0; c < words.size(); ++c) words[c] = wormhole::unpack_float32(row[c], format);
    } else {
      load_plain_row(weight, i, column_tile * kStrip, n, format, words.data());
    }
    std::copy_n(words.data(), 16, tile.data() + index_in_tile(r, 0));
    std::copy_n(words.data() + 16, 16, tile.data() + index_in_tile(r, 16));
  }
  wormhole::prepare_weights(dest, tile, operand);
}

}  // namespace tessera
