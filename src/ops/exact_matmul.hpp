#pragma once
// What linear and matmul share on the exact engine.
#include <functional>

#include "ops/exact_rows.hpp"
#include "wormhole/blocked_matmul.hpp"

namespace tessera {

/// TT-NN's choice where the caller gives none: LoFi for two block-float operands, HiFi3 for two float32, else
/// HiFi2; an fp32 Dest for a float32 output; accumulation in L1 otherwise. `k`: unpadded.
wormhole::MatmulConfig matmul_config(const OpOptions& options, DataType in0, DataType in1, DataType output,
                                     std::int64_t k);

/// Takes a tile of in1 apart: K rows from 32 * k_tile on, 32 columns from 32 * column_tile on, 0 beyond.
using LoadWeights =
    std::function<void(std::int64_t k_tile, std::int64_t column_tile, wormhole::WeightOperand& weights)>;

/// Called with a row, its first column and the Dest words of up to 32 columns.
using StoreRow =
    std::function<void(std::int64_t row, std::int64_t first, std::span<const std::uint32_t> dest)>;

/// rows x k times k x n. `load_row` gives the source words of a row of in0, padded to whole tiles; `bias` n
/// source words, or empty. store() is called from several threads, once a row and column tile.
void multiply_exact(const wormhole::MatmulConfig& config, std::int64_t rows, std::int64_t n,
                    const std::function<void(std::int64_t row, std::span<std::uint32_t>)>& load_row,
                    const LoadWeights& load_weights, std::span<const std::uint32_t> bias,
                    const StoreRow& store);

}  // namespace tessera
