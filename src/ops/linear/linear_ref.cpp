#include <algorithm>

#include "ops/linear/linear_op.hpp"
#include "ops/multiversion.hpp"
#include "util/parallel.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kCols = 64;
constexpr std::int64_t kRows = 4;

// kRows rows, half of the columns at a time: the sums fit into registers, which is up to twice as fast.
TESSERA_MULTIVERSION
void multiply_whole(const float* x, std::int64_t k, const float* w, std::int64_t n, float (*acc)[kCols]) {
  constexpr std::int64_t kHalf = kCols / 2;
  for (std::int64_t first = 0; first < kCols; first += kHalf) {
    float sums[kRows][kHalf] = {};
    for (std::int64_t i = 0; i < k; ++i) {
      const float* row = w + i * n + first;
      for (std::int64_t r = 0; r < kRows; ++r) {
        const float a = x[r * k + i];
        for (std::int64_t c = 0; c < kHalf; ++c) sums[r][c] += a * row[c];
      }
    }
    for (std::int64_t r = 0; r < kRows; ++r) std::copy_n(sums[r], kHalf, acc[r] + first);
  }
}

// acc[r][c] += x[r][k] * w[k][c], k in order: each sum has one accumulator, so that the result is the same
// for every vector width and every number of rows.
TESSERA_MULTIVERSION
void multiply_block(const float* x, std::int64_t k, const float* w, std::int64_t n, std::int64_t rows,
                    float (*acc)[kCols]) {
  if (rows == kRows) return multiply_whole(x, k, w, n, acc);
  for (std::int64_t i = 0; i < k; ++i) {
    const float* row = w + i * n;
    for (std::int64_t r = 0; r < rows; ++r) {
      const float a = x[r * k + i];
      for (std::int64_t c = 0; c < kCols; ++c) acc[r][c] += a * row[c];
    }
  }
}

// The last columns, fewer than a block.
void multiply_edge(const float* x, std::int64_t k, const float* w, std::int64_t n, std::int64_t rows,
                   std::int64_t cols, float (*acc)[kCols]) {
  for (std::int64_t i = 0; i < k; ++i) {
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < cols; ++c) acc[r][c] += x[r * k + i] * w[i * n + c];
    }
  }
}

}  // namespace

void Linear::run_ref(Inputs in, Outputs out) const {
  const std::int64_t m = in[0].logical_shape().rows();
  const std::int64_t k = in[0].logical_shape()[-1];
  const std::int64_t n = in[1].logical_shape()[-1];
  const float* bias = in[2].is_allocated() ? in[2].data<float>() : nullptr;
  parallel_for((n + kCols - 1) / kCols, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t first = block * kCols;
      const std::int64_t cols = std::min(kCols, n - first);
      const float* w = in[1].data<float>() + first;
      for (std::int64_t row = 0; row < m; row += kRows) {
        const std::int64_t rows = std::min(kRows, m - row);
        const float* x = in[0].data<float>() + row * k;
        float acc[kRows][kCols] = {};
        if (cols == kCols) {
          multiply_block(x, k, w, n, rows, acc);
        } else {
          multiply_edge(x, k, w, n, rows, cols, acc);
        }
        for (std::int64_t r = 0; r < rows; ++r) {
          float* y = out[0].data<float>() + (row + r) * n + first;
          for (std::int64_t c = 0; c < cols; ++c) {
            y[c] = apply_activation(activation, acc[r][c] + (bias != nullptr ? bias[first + c] : 0.0f));
          }
        }
      }
    }
  });
}

}  // namespace tessera
