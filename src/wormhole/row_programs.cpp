#include "wormhole/row_programs.hpp"

#include "tensor/bfloat16.hpp"
#include "tensor/tile.hpp"
#include "util/error.hpp"
#include "wormhole/eltwise.hpp"
#include "wormhole/pack.hpp"
#include "wormhole/reduce.hpp"
#include "wormhole/unpack.hpp"
#include "wormhole/vector_ops.hpp"

namespace tessera::wormhole {
namespace {

using Row = std::span<const L1Tile>;

enum class Broadcast { None, FirstColumn, FirstRow };

Tile broadcast(const Tile& tile, Broadcast how) {
  if (how == Broadcast::None) return tile;
  Tile result;
  for (std::int64_t row = 0; row < kTileSize; ++row) {
    for (std::int64_t column = 0; column < kTileSize; ++column) {
      result[index_in_tile(row, column)] =
          tile[how == Broadcast::FirstColumn ? index_in_tile(row, 0) : index_in_tile(0, column)];
    }
  }
  return result;
}

// What the instructions of one kernel share.
class Kernel {
 public:
  explicit Kernel(const KernelConfig& config) : config_(config) {}

  DataType intermediate() const { return config_.fp32_dest ? DataType::FLOAT32 : DataType::BFLOAT16; }
  DestFormat dest() const { return config_.fp32_dest ? DestFormat::Fp32 : DestFormat::Bf16; }

  Tile source(const L1Tile& tile) const {
    return unpack_to_source(tile.dtype, source_format(tile.dtype, config_.fp32_dest, false), tile.bytes);
  }
  L1Tile pack(const Tile& words, DataType dtype) const {
    L1Tile tile{dtype, std::vector<std::byte>(static_cast<std::size_t>(tile_bytes(dtype)))};
    pack_tile(dest(), words, dtype, tile.bytes);
    return tile;
  }

  Tile binary(EltwiseOp op, const L1Tile& a, const L1Tile& b, Broadcast how = Broadcast::None) const {
    Tile result;
    eltwise_tile(op, config_.fidelity, dest(), source(a), broadcast(source(b), how), false, result);
    return result;
  }
  /// `scaler` times the sum of each row, in the first column.
  Tile row_sum(Row row, float scaler) const {
    Tile sum{};
    const std::uint32_t word = static_cast<std::uint32_t>(float_to_bf16(scaler)) << 16;
    for (const L1Tile& tile : row) reduce_row_sum(config_.fidelity, dest(), source(tile), word, sum);
    return sum;
  }
  void apply(VectorOp op, Tile& tile) const {
    apply_vector_op(op, {config_.fp32_dest, config_.approximate}, tile);
  }
  /// 1 / sqrt(mean + epsilon) of the first column, packed.
  L1Tile inverse_deviation(const Tile& mean, float epsilon) const {
    Tile constant{};
    constant.fill(static_cast<std::uint32_t>(float_to_bf16(epsilon)) << 16);
    const L1Tile packed = pack(mean, intermediate());
    Tile sum = binary(EltwiseOp::Add, packed, pack(constant, DataType::BFLOAT16));
    apply(VectorOp::Rsqrt, sum);
    return pack(sum, intermediate());
  }

 private:
  const KernelConfig& config_;
};

std::vector<L1Tile> squares(const Kernel& kernel, Row row) {
  std::vector<L1Tile> result;
  for (const L1Tile& tile : row) {
    result.push_back(kernel.pack(kernel.binary(EltwiseOp::Multiply, tile, tile), kernel.intermediate()));
  }
  return result;
}

// row * scale(column 0), then * gamma and + beta (row 0) where given.
std::vector<L1Tile> scale(const Kernel& kernel, Row row, const L1Tile& factor, Row gamma, Row beta,
                          DataType output) {
  check((gamma.empty() || gamma.size() == row.size()) && (beta.empty() || beta.size() == row.size()),
        "[norm] {} tiles, gamma {}, beta {}: give as many of each, or none", row.size(), gamma.size(),
        beta.size());
  std::vector<L1Tile> result;
  for (std::size_t i = 0; i < row.size(); ++i) {
    Tile value = kernel.binary(EltwiseOp::Multiply, row[i], factor, Broadcast::FirstColumn);
    if (!gamma.empty()) {
      value = kernel.binary(EltwiseOp::Multiply, kernel.pack(value, kernel.intermediate()), gamma[i],
                            Broadcast::FirstRow);
    }
    if (!beta.empty()) {
      value = kernel.binary(EltwiseOp::Add, kernel.pack(value, kernel.intermediate()), beta[i],
                            Broadcast::FirstRow);
    }
    result.push_back(kernel.pack(value, output));
  }
  return result;
}

}  // namespace

std::vector<L1Tile> softmax(const KernelConfig& config, Row row, DataType output) {
  const Kernel kernel(config);
  Tile most{};
  for (std::size_t i = 0; i < row.size(); ++i) reduce_row_max(kernel.source(row[i]), i == 0, most);
  const L1Tile largest = kernel.pack(most, kernel.intermediate());
  std::vector<L1Tile> exps;
  for (const L1Tile& tile : row) {
    Tile value = kernel.binary(EltwiseOp::Subtract, tile, largest, Broadcast::FirstColumn);
    kernel.apply(VectorOp::Exp, value);
    exps.push_back(kernel.pack(value, kernel.intermediate()));
  }
  Tile sum = kernel.row_sum(exps, 1.0f);
  kernel.apply(VectorOp::Reciprocal, sum);
  return scale(kernel, exps, kernel.pack(sum, kernel.intermediate()), {}, {}, output);
}

std::vector<L1Tile> rms_norm(const KernelConfig& config, Row row, Row gamma, float epsilon,
                             std::int64_t width, DataType output) {
  const Kernel kernel(config);
  const Tile mean = kernel.row_sum(squares(kernel, row), 1.0f / static_cast<float>(width));
  return scale(kernel, row, kernel.inverse_deviation(mean, epsilon), gamma, {}, output);
}

std::vector<L1Tile> layer_norm(const KernelConfig& config, Row row, Row gamma, Row beta, float epsilon,
                               std::int64_t width, DataType output) {
  check(
      width == static_cast<std::int64_t>(row.size()) * kTileSize,
      "[layer_norm] width {} in {} tiles: padding would count into the variance: give a width of whole tiles",
      width, row.size());
  const Kernel kernel(config);
  const float scaler = 1.0f / static_cast<float>(width);
  const L1Tile mean = kernel.pack(kernel.row_sum(row, scaler), kernel.intermediate());
  std::vector<L1Tile> centred;
  for (const L1Tile& tile : row) {
    centred.push_back(kernel.pack(kernel.binary(EltwiseOp::Subtract, tile, mean, Broadcast::FirstColumn),
                                  kernel.intermediate()));
  }
  const Tile variance = kernel.row_sum(squares(kernel, centred), scaler);
  return scale(kernel, centred, kernel.inverse_deviation(variance, epsilon), gamma, beta, output);
}

}  // namespace tessera::wormhole
