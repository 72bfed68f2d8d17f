#pragma once
// Checks and output specs that several ops share. All throw UserError "[op] ...".
#include <string_view>

#include "ops/operation.hpp"
#include "util/error.hpp"

namespace tessera {

/// A float32 or bfloat16 activation in compact rows.
void check_float_rows(std::string_view op, const Tensor& x);

/// Float rows as above, or integers.
void check_rows(std::string_view op, const Tensor& x);

/// The output is float32 or bfloat16 in rows: not block-float, not width-sharded.
void check_output(std::string_view op, const OpOptions& options);

/// An integer tensor.
void check_integers(std::string_view op, std::string_view what, const Tensor& x);

/// Each of weight and bias is unallocated or has `size` float32 / bfloat16 values of any shape; both of one
/// dtype.
void check_vectors(std::string_view op, const Tensor& weight, const Tensor& bias, std::int64_t size);

void check_rank(std::string_view op, std::string_view what, const Tensor& x, int rank);

/// `dim` is -1 or the last of x's dimensions, which is not empty.
void check_last_dim(std::string_view op, const Tensor& x, int dim);

/// x's spec with the dtype and memory config of the options.
OutputSpec same_as(const Tensor& x, const OpOptions& options);
/// The same with another shape.
OutputSpec like(const Tensor& x, const Shape& shape, const OpOptions& options);

}  // namespace tessera
