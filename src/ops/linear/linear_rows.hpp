#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "device/block_strips.hpp"
#include "device/tensor.hpp"

namespace tessera {

/// Rows of activations in block fixed point: codes [m][blocks * 32], scales [m][blocks].
struct FixedRows {
  const std::int16_t* codes = nullptr;
  const float* scales = nullptr;
  std::int64_t blocks = 0;
};

/// The rows of linear's x as the weight's form wants them: `values` [m][k] for float32 and bfloat16 weights,
/// `fixed` for block-float ones.
struct PreparedRows {
  const float* values = nullptr;
  FixedRows fixed;
};

/// A buffer of the calling thread, grown on demand: no allocation once warm.
template <class T>
T* grown(std::vector<T>& buffer, std::int64_t size) {
  if (buffer.size() < static_cast<std::size_t>(size)) buffer.resize(static_cast<std::size_t>(size));
  return buffer.data();
}

/// All rows of x for weights of this dtype, in buffers of the calling thread that the next call fills anew.
PreparedRows prepare_rows(const Tensor& x, DataType weight);

}  // namespace tessera
