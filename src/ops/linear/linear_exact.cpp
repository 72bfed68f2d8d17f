// linear as TT-NN's matmul kernel computes it on Wormhole: activations in SrcB, weights in SrcA, K in blocks.
#include <algorithm>
#include <bit>

#include "device/block_strips.hpp"
#include "ops/exact_matmul.hpp"
#include "ops/linear/linear_op.hpp"
#include "tensor/bfloat16.hpp"
#include "tensor/tile.hpp"
#include "wormhole/sfpu.hpp"
#include "wormhole/unpack.hpp"

namespace tessera {
namespace {

using wormhole::SrcFormat;
using wormhole::Tile;

// A block of a block-float strip is a tile: 32 rows of K. Its weights have 8 significant bits: exact words.
void load_block(DataType dtype, const BlockStrip& layout, const std::byte* strip, std::int64_t index,
                Tile& tile) {
  const std::byte* block = strip + index * layout.block_bytes;
  for (std::int64_t k = 0; k < kTileSize; ++k) {
    for (std::int64_t g = 0; g < 2; ++g) {
      const int base = std::to_integer<int>(strip[layout.bases + index * 2 + g]);
      const int step = std::to_integer<int>(block[layout.steps + g * kBlockRows + k]);
      const int unit = base == 0 ? step : base;
      const float scale = std::bit_cast<float>(static_cast<std::uint32_t>(unit) << 23) *
                          static_cast<float>(base == 0 ? 1 : step);
      std::uint32_t* words = tile.data() + index_in_tile(k, g * kFaceSize);
      for (std::int64_t c = 0; c < kGroup; ++c) {
        const std::int64_t at = k / 2 * kStrip + g * kGroup + c;
        const int mantissa = dtype == DataType::BFLOAT8_B
                                 ? static_cast<std::int8_t>(block[at * 2 + k % 2])
                                 : (std::to_integer<int>(block[at]) >> (k % 2 * 4) & 15) - 8;
        words[c] = std::bit_cast<std::uint32_t>(static_cast<float>(mantissa) * scale);
      }
    }
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

std::int64_t strip_stride(const Tensor& weight, std::int64_t k) {
  return form_bytes(weight.form(), Shape{k, kStrip});
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

wormhole::VectorOp vector_op_of(Activation activation) {
  return activation == Activation::Silu ? wormhole::VectorOp::Silu : wormhole::VectorOp::Gelu;
}

}  // namespace

void Linear::run_exact(Inputs in, Outputs out) const {
  const Tensor &x = in[0], &weight = in[1];
  const std::int64_t k = weight.logical_shape()[-2], n = weight.logical_shape()[-1];
  auto config = matmul_config(options, x.dtype(), weight.dtype(), out[0].dtype(), k);
  config.bias = in[2].is_allocated();
  const SrcFormat format = config.fp32_dest ? SrcFormat::Tf32 : SrcFormat::Float16b;
  Words bias(config.bias ? static_cast<std::size_t>(n) : 0);
  if (config.bias) load_source_row(in[2].view(Shape{1, n}), 0, config.fp32_dest, bias);
  const auto load_tile = [&](std::int64_t k_tile, std::int64_t column, Tile& tile) {
    const std::byte* strip = weight.data<const std::byte>() + column * strip_stride(weight, k);
    if (is_block_float(weight.dtype())) {
      return load_block(weight.dtype(), BlockStrip(weight.dtype(), k), strip, k_tile, tile);
    }
    std::array<std::uint32_t, kStrip> words;
    for (std::int64_t r = 0; r < kTileSize; ++r) {
      const std::int64_t i = k_tile * kTileSize + r;
      if (i >= k) {
        words.fill(0);
      } else if (is_strips(weight.form())) {
        load_strip_row(weight.form(), strip, i, format, words.data());
      } else {
        load_plain_row(weight, i, column * kStrip, n, format, words.data());
      }
      std::copy_n(words.data(), 16, tile.data() + index_in_tile(r, 0));
      std::copy_n(words.data() + 16, 16, tile.data() + index_in_tile(r, 16));
    }
  };
  const wormhole::VectorMode mode{config.fp32_dest, false};
  multiply_exact(
      config, x.logical_shape().rows(), n,
      [&](std::int64_t row, std::span<std::uint32_t> words) {
        load_source_row(x, row, config.fp32_dest, words);
      },
      load_tile, bias,
      [&](std::int64_t row, std::int64_t first, std::span<const std::uint32_t> dest) {
        std::array<std::uint32_t, kStrip> words;
        std::ranges::copy(dest, words.begin());
        for (std::size_t i = 0; activation != Activation::None && i < dest.size(); ++i) {
          words[i] = wormhole::sfpu_store(config.dest(),
                                          wormhole::vector_op(vector_op_of(activation), mode,
                                                              wormhole::sfpu_load(config.dest(), words[i])));
        }
        store_row(config.dest(), std::span(words).first(dest.size()), out[0], row, first);
      });
}

}  // namespace tessera
