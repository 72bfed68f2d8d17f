#include "wormhole/tile_programs.hpp"

#include "tensor/tile.hpp"
#include "util/error.hpp"
#include "wormhole/pack.hpp"
#include "wormhole/unpack.hpp"

namespace tessera::wormhole {
namespace {

using Tiles = std::span<const L1Tile>;
using Words = std::vector<std::uint32_t>;

std::vector<Tile> unpack_all(const KernelConfig& config, Tiles tiles) {
  std::vector<Tile> result;
  for (const L1Tile& tile : tiles) {
    result.push_back(
        unpack_to_source(tile.dtype, source_format(tile.dtype, config.fp32_dest, false), tile.bytes));
  }
  return result;
}

Words row_of(std::span<const Tile> tiles, std::int64_t row) {
  Words words;
  for (const Tile& tile : tiles) {
    for (std::int64_t column = 0; column < kTileSize; ++column) {
      words.push_back(tile[index_in_tile(row, column)]);
    }
  }
  return words;
}

// program(words, dest) on each row of the tiles.
template <class Program>
std::vector<L1Tile> for_rows(const KernelConfig& config, Tiles tiles, DataType output, Program program) {
  const std::vector<Tile> sources = unpack_all(config, tiles);
  std::vector<Tile> results(tiles.size());
  Words dest(tiles.size() * static_cast<std::size_t>(kTileSize));
  for (std::int64_t row = 0; row < kTileSize; ++row) {
    program(row_of(sources, row), std::span(dest));
    for (std::size_t i = 0; i < dest.size(); ++i) {
      results[i / kTileSize][index_in_tile(row, static_cast<std::int64_t>(i % kTileSize))] = dest[i];
    }
  }
  std::vector<L1Tile> packed;
  for (const Tile& tile : results) {
    packed.push_back({output, std::vector<std::byte>(static_cast<std::size_t>(tile_bytes(output)))});
    pack_tile(RowKernel(config).dest(), tile, output, packed.back().bytes);
  }
  return packed;
}

// The first row of `tiles`, which are as many as `row`'s or none.
Words first_row(const KernelConfig& config, Tiles row, Tiles tiles) {
  check(tiles.empty() || tiles.size() == row.size(), "[norm] {} tiles and {} of gamma or beta: give as many",
        row.size(), tiles.size());
  return row_of(unpack_all(config, tiles), 0);
}

}  // namespace

std::vector<L1Tile> softmax(const KernelConfig& config, Tiles row, DataType output) {
  return for_rows(config, row, output, [&](const Words& words, std::span<std::uint32_t> dest) {
    softmax_row(config, words, dest);
  });
}

std::vector<L1Tile> rms_norm(const KernelConfig& config, Tiles row, Tiles gamma, float epsilon,
                             std::int64_t width, DataType output) {
  const Words scale = first_row(config, row, gamma);
  return for_rows(config, row, output, [&](const Words& words, std::span<std::uint32_t> dest) {
    rms_norm_row(config, words, scale, {}, epsilon, width, dest);
  });
}

std::vector<L1Tile> layer_norm(const KernelConfig& config, Tiles row, Tiles gamma, Tiles beta, float epsilon,
                               std::int64_t width, DataType output) {
  const Words scale = first_row(config, row, gamma), offset = first_row(config, row, beta);
  return for_rows(config, row, output, [&](const Words& words, std::span<std::uint32_t> dest) {
    layer_norm_row(config, words, scale, offset, epsilon, width, dest);
  });
}

}  // namespace tessera::wormhole
