#include "ops/exact_weights.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "device/block_strips.hpp"
#include "tensor/bfloat16.hpp"
#include "tensor/tile.hpp"
#include "wormhole/unpack.hpp"

namespace tessera {
namespace {

using wormhole::SrcFormat;
using wormhole::Tile;

// A block of a block-float strip is a tile: 32 rows of K. Its weights have 8 significant bits: exact words.
void load_block(DataType dtype, const BlockStrip& layout, const std::byte* strip, std::int64_t index,
                Tile& tile) {
  std::array<float, kStrip> values;
  for (std::int64_t k = 0; k < kTileSize; ++k) {
    decode_block_row(dtype, layout, strip, index * kBlockRows + k, values);
    for (std::int64_t c = 0; c < kTileSize; ++c)
      tile[index_in_tile(k, c)] = std::bit_cast<std::uint32_t>(values[static_cast<std::size_t>(c)]);
  }
}

// 32 source words of row `i` of a strip of plain values.
void load_strip_row(Form form, const std::byte* strip, std::int64_t i, SrcFormat format,
                    std::uint32_t* words) {
  if (form == Form::StripsBf16) {
    const auto* row = reinterpret_cast<const bf16*>(strip) + i * kStrip;
    for (int c = 0; c < kStrip; ++c) words[c] = static_cast<std::uint32_t>(row[c]) << 16;
  } else {
    const auto* row = reinterpret_cast<const std::uint32_t*>(strip) + i * kStrip;
    for (int c = 0; c < kStrip; ++c) words[c] = wormhole::unpack_float32(row[c], format);
  }
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

void load_weight_tile(const Tensor& weight, std::int64_t k_tile, std::int64_t column_tile, bool fp32_dest,
                      Tile& tile) {
  const std::int64_t k = weight.logical_shape()[-2], n = weight.logical_shape()[-1];
  const std::byte* strip =
      weight.data<const std::byte>() + column_tile * form_bytes(weight.form(), Shape{k, kStrip});
  if (is_block_float(weight.dtype()))
    return load_block(weight.dtype(), BlockStrip(weight.dtype(), k), strip, k_tile, tile);
  const SrcFormat format = fp32_dest ? SrcFormat::Tf32 : SrcFormat::Float16b;
  std::array<std::uint32_t, kStrip> words;
  for (std::int64_t r = 0; r < kTileSize; ++r) {
    const std::int64_t i = k_tile * kTileSize + r;
    if (i >= k) {
      words.fill(0);
    } else if (is_strips(weight.form())) {
      load_strip_row(weight.form(), strip, i, format, words.data());
    } else {
      load_plain_row(weight, i, column_tile * kStrip, n, format, words.data());
    }
    std::copy_n(words.data(), 16, tile.data() + index_in_tile(r, 0));
    std::copy_n(words.data() + 16, 16, tile.data() + index_in_tile(r, 16));
  }
}

}  // namespace tessera
