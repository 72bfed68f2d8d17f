#pragma once
// Moving values from one tensor to another: what reshaping ops are made of on both engines.
#include <cstdint>

#include "device/tensor.hpp"

namespace tessera {

/// Copies runs of values between tensors in RowsF32, RowsBf16 or RowsInt32; float32 and bfloat16 are
/// converted into each other. Indices count values from the start of each tensor.
class RunCopier {
 public:
  RunCopier(const Tensor& from, const Tensor& to);
  /// From values of `form` that are in no tensor.
  RunCopier(const std::byte* from, Form form, const Tensor& to);
  void operator()(std::int64_t from, std::int64_t to, std::int64_t n) const;
  /// Zeros in the target.
  void zero(std::int64_t to, std::int64_t n) const;
  /// The same with values `from_step` apart in the source and `to_step` apart in the target.
  void strided(std::int64_t from, std::int64_t from_step, std::int64_t to, std::int64_t to_step,
               std::int64_t n) const;

 private:
  const std::byte* from_;
  std::byte* to_;
  Form from_form_, to_form_;
};

}  // namespace tessera
