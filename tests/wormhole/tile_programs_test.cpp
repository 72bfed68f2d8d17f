// softmax and the norms over tiles against double precision.
#include "wormhole/tile_programs.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensor/tile.hpp"
#include "util/error.hpp"
#include "util/rng.hpp"

namespace tessera::wormhole {
namespace {

using Values = std::vector<std::vector<double>>;  // [32][columns]

constexpr KernelConfig kBf16{MathFidelity::HiFi4, false, false}, kFp32{MathFidelity::HiFi3, false, true};

std::vector<L1Tile> to_tiles(const Values& values, DataType dtype) {
  std::vector<L1Tile> tiles(values[0].size() / 32);
  for (std::size_t t = 0; t < tiles.size(); ++t) {
    std::vector<float> tile(1024);
    for (std::int64_t row = 0; row < 32; ++row) {
      for (std::int64_t column = 0; column < 32; ++column) {
        tile[index_in_tile(row, column)] = static_cast<float>(
            values[static_cast<std::size_t>(row)][t * 32 + static_cast<std::size_t>(column)]);
      }
    }
    tiles[t] = {dtype, std::vector<std::byte>(static_cast<std::size_t>(tile_bytes(dtype)))};
    pack_tile(dtype, tile, tiles[t].bytes);
  }
  return tiles;
}

Values to_values(const std::vector<L1Tile>& tiles) {
  Values values(32, std::vector<double>(tiles.size() * 32));
  for (std::size_t t = 0; t < tiles.size(); ++t) {
    std::vector<float> tile(1024);
    unpack_tile(tiles[t].dtype, tiles[t].bytes, tile);
    for (std::int64_t row = 0; row < 32; ++row) {
      for (std::int64_t column = 0; column < 32; ++column) {
        values[static_cast<std::size_t>(row)][t * 32 + static_cast<std::size_t>(column)] =
            tile[index_in_tile(row, column)];
      }
    }
  }
  return values;
}

Values random_values(std::size_t columns, std::uint64_t seed) {
  Rng rng(seed);
  Values values(32, std::vector<double>(columns));
  for (auto& row : values) {
    for (double& v : row) v = rng.normal();
  }
  return to_values(to_tiles(values, DataType::BFLOAT16));
}

void expect_close(const Values& expected, const Values& got, double relative, double absolute) {
  for (std::size_t row = 0; row < 32; ++row) {
    for (std::size_t i = 0; i < expected[row].size(); ++i) {
      ASSERT_NEAR(got[row][i], expected[row][i], absolute + relative * std::abs(expected[row][i]))
          << row << ", " << i;
    }
  }
}

Values softmax_of(Values values) {
  for (auto& row : values) {
    double sum = 0;
    for (double& v : row) sum += v = std::exp(v);
    for (double& v : row) v /= sum;
  }
  return values;
}

Values norm_of(Values values, const Values& gamma, bool centre) {
  for (auto& row : values) {
    double mean = 0, square = 0;
    for (const double v : row) mean += v / static_cast<double>(row.size());
    for (double& v : row) v -= centre ? mean : 0;
    for (const double v : row) square += v * v / static_cast<double>(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) row[i] *= gamma[0][i] / std::sqrt(square + 1e-5);
  }
  return values;
}

TEST(TilePrograms, Softmax) {
  const Values values = random_values(96, 1), expected = softmax_of(values);
  const auto tiles = to_tiles(values, DataType::BFLOAT16);
  expect_close(expected, to_values(softmax(kFp32, tiles, DataType::FLOAT32)), 5e-3, 1e-9);
  expect_close(expected, to_values(softmax(kBf16, tiles, DataType::BFLOAT16)), 5e-2, 1e-9);
}

TEST(TilePrograms, SoftmaxOfMaskedColumns) {
  Values values(32, std::vector<double>(64, -std::numeric_limits<double>::infinity()));
  for (auto& row : values) row[5] = row[40] = 3;
  const Values got = to_values(softmax(kBf16, to_tiles(values, DataType::BFLOAT16), DataType::BFLOAT16));
  for (const auto& row : got) {
    for (std::size_t i = 0; i < row.size(); ++i) EXPECT_EQ(row[i], i == 5 || i == 40 ? 0.5 : 0.0);
  }
}

TEST(TilePrograms, RmsNorm) {
  const Values values = random_values(96, 2), gamma = random_values(96, 3);
  const auto tiles = to_tiles(values, DataType::BFLOAT16), weights = to_tiles(gamma, DataType::BFLOAT16);
  const Values ones(32, std::vector<double>(96, 1));
  // 1 / 96 is rounded to bfloat16: up to 2^-9 of the mean, half of it in the root.
  expect_close(norm_of(values, gamma, false),
               to_values(rms_norm(kFp32, tiles, weights, 1e-5f, 96, DataType::FLOAT32)), 5e-3, 1e-6);
  expect_close(norm_of(values, ones, false),
               to_values(rms_norm(kBf16, tiles, {}, 1e-5f, 96, DataType::BFLOAT16)), 3e-2, 1e-6);
}

TEST(TilePrograms, RmsNormDoesNotCountPadding) {
  Values values = random_values(64, 4);
  for (auto& row : values) std::fill(row.begin() + 48, row.end(), 0.0);
  Values narrow = values;
  for (auto& row : narrow) row.resize(48);
  const Values ones(32, std::vector<double>(48, 1));
  Values got =
      to_values(rms_norm(kFp32, to_tiles(values, DataType::BFLOAT16), {}, 1e-5f, 48, DataType::FLOAT32));
  for (auto& row : got) row.resize(48);
  expect_close(norm_of(narrow, ones, false), got, 5e-3, 1e-6);
}

TEST(TilePrograms, LayerNorm) {
  const Values values = random_values(64, 5), gamma = random_values(64, 6), beta = random_values(64, 7);
  Values expected = norm_of(values, gamma, true);
  for (auto& row : expected) {
    for (std::size_t i = 0; i < row.size(); ++i) row[i] += beta[0][i];
  }
  const auto tiles = to_tiles(values, DataType::BFLOAT16), weights = to_tiles(gamma, DataType::BFLOAT16),
             offsets = to_tiles(beta, DataType::BFLOAT16);
  // The addition rounds the smaller operand to 11 bits of the larger.
  expect_close(expected, to_values(layer_norm(kFp32, tiles, weights, offsets, 1e-5f, 64, DataType::FLOAT32)),
               1e-2, 1e-2);
  EXPECT_THROW(layer_norm(kFp32, tiles, {weights.data(), 1}, {}, 1e-5f, 64, DataType::FLOAT32), UserError);
}

}  // namespace
}  // namespace tessera::wormhole
