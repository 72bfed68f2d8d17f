#pragma once
// A tensor in host memory, packed exactly as TT-NN packs it.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/spec.hpp"

namespace tessera {

class HostTensor {
 public:
  HostTensor() = default;
  /// Takes packed bytes as they are; throws UserError when their number is not spec.packed_bytes().
  HostTensor(TensorSpec spec, std::vector<std::byte> bytes);

  /// Packs row-major values of the logical shape (host rounding). Block-float needs TILE. Throws UserError
  /// when the number of values does not match.
  static HostTensor from_vector(std::span<const float> values, TensorSpec spec);
  /// For UINT32 and INT32 (both hold the same 32 bits).
  static HostTensor from_vector(std::span<const std::int32_t> values, TensorSpec spec);

  /// Row-major values of the logical shape; integers are converted.
  std::vector<float> to_vector() const;
  /// Row-major integers; UserError unless the dtype is UINT32 or INT32.
  std::vector<std::int32_t> to_int_vector() const;

  /// A copy in another layout / dtype.
  HostTensor to_layout(Layout layout) const;
  HostTensor to_dtype(DataType dtype) const;

  const TensorSpec& spec() const { return spec_; }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  TensorSpec spec_;
  std::vector<std::byte> bytes_;
};

}  // namespace tessera
