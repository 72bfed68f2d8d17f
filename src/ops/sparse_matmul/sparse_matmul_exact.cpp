// The rows that picked a matrix, times it, as linear computes them: a row's result does not depend on the
// others.
#include <algorithm>
#include <vector>

#include "ops/exact_matmul.hpp"
#include "ops/exact_weights.hpp"
#include "ops/sparse_matmul/sparse_matmul_op.hpp"

namespace tessera {

void SparseMatmul::run_exact(Inputs in, Outputs out) const {
  const PickedRows rows = picked_rows(in);
  const auto config = matmul_config(options, in[0].dtype(), in[2].dtype(), out[0].dtype(), rows.inner);
  std::vector<std::vector<std::int64_t>> pairs(in.size() - 2);
  for (std::int64_t p = 0; p < rows.pairs; ++p) pairs[static_cast<std::size_t>(rows.picks[p])].push_back(p);
  for (std::size_t e = 0; e < pairs.size(); ++e) {
    if (pairs[e].empty()) continue;
    const auto pair = [&](std::int64_t row) { return pairs[e][static_cast<std::size_t>(row)]; };
    multiply_exact(
        config, static_cast<std::int64_t>(pairs[e].size()), rows.cols,
        [&](std::int64_t row, std::span<std::uint32_t> words) {
          load_source_row(in[0], rows.input_row(pair(row)), config.fp32_dest, words);
        },
        [&](std::int64_t k_tile, std::int64_t column, wormhole::WeightOperand& operand) {
          load_weights(in[2 + e], k_tile, column, config.fp32_dest, operand);
        },
        {},
        [&](std::int64_t row, std::int64_t first, std::span<const std::uint32_t> dest) {
          store_row(config.dest(), dest, out[0], pair(row), first);
        });
  }
}

}  // namespace tessera
