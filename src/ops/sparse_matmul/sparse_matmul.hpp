#pragma once
#include <cstdint>
#include <span>

#include "ops/operation.hpp"

namespace tessera {

/// Each row's products with the matrices that it picked, and with no others: y[0, r, j] = x[0, r, j] @
/// matrices[picks[0, 0, r, j]]. TT-NN: ttnn.sparse_matmul, which takes the picks as a mask and the matrices
/// as one tensor. x [1, rows, 1 or k, K], float32 or bfloat16: with 1 the row is the same for all its picks;
/// picks integers [1, 1, rows, k]; matrices [K, N], of one dtype, best DRAM width-sharded. Output [1, rows,
/// k, N], x's dtype unless options.dtype says otherwise. A row's result does not depend on the other rows:
/// bit for bit that of linear(). Which matrices are read is decided when the op runs, so a trace may hold it.
/// UserError: shapes that do not match; at the run, a pick that is none of the matrices.
Tensor sparse_matmul(const Tensor& x, const Tensor& picks, std::span<const Tensor> matrices,
                     const OpOptions& options = {});

}  // namespace tessera
