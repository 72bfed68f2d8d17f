#pragma once
// From a tensor's form to a typed pointer, once per kernel call; buffers of kernels.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "device/tensor.hpp"
#include "tensor/bfloat16.hpp"

namespace tessera {

/// Calls body(float*) or body(bf16*) with the rows of a RowsF32 / RowsBf16 tensor.
template <class Body>
void with_rows(const Tensor& tensor, Body body) {
  if (tensor.form() == Form::RowsF32) {
    body(tensor.data<float>());
  } else {
    body(tensor.data<bf16>());
  }
}

/// Rows of `dim` values that are worth a thread: waking one costs as much as some ten thousand values.
inline std::int64_t row_grain(std::int64_t dim) {
  return std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, dim));
}

/// A buffer of the calling thread, grown on demand: no allocation once warm.
template <class T>
T* grown(std::vector<T>& buffer, std::int64_t size) {
  if (buffer.size() < static_cast<std::size_t>(size)) buffer.resize(static_cast<std::size_t>(size));
  return buffer.data();
}

/// The values, or nullptr when the tensor is not allocated.
template <class T>
const T* data_or_null(const Tensor& tensor) {
  return tensor.is_allocated() ? tensor.data<const T>() : nullptr;
}

/// Calls body(weight, bias) with pointers of one type (both have one dtype, by check_vectors).
template <class Body>
void with_vectors(const Tensor& weight, const Tensor& bias, Body body) {
  const Tensor& present = weight.is_allocated() ? weight : bias;
  if (present.is_allocated() && present.form() == Form::RowsBf16) {
    body(data_or_null<bf16>(weight), data_or_null<bf16>(bias));
  } else {
    body(data_or_null<float>(weight), data_or_null<float>(bias));
  }
}

}  // namespace tessera
