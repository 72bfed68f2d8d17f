#include "ops/sparse_matmul/sparse_matmul.hpp"

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/sparse_matmul/sparse_matmul_op.hpp"

namespace tessera {

void SparseMatmul::validate(Inputs in) const {
  check(in.size() > 2, "[sparse_matmul] no matrices: give at least one");
  check_float_rows(name(), in[0]);
  check_integers(name(), "picks", in[1]);
  check_rank(name(), "x", in[0], 4);
  check_rank(name(), "picks", in[1], 4);
  const Shape& x = in[0].logical_shape();
  const Shape& picks = in[1].logical_shape();
  check(x[0] == 1 && picks[0] == 1 && picks[1] == 1 && x[1] == picks[2] && (x[2] == 1 || x[2] == picks[3]),
        "[sparse_matmul] x {} and picks {}: [1, rows, 1 or k, K] and [1, 1, rows, k] expected", to_string(x),
        to_string(picks));
  const Tensor& first = in[2];
  check(first.is_allocated() && !is_integer(first.dtype()) && first.logical_shape().rank() == 2 &&
            first.form() != Form::RowsBfp8,
        "[sparse_matmul] matrix {}: a float matrix [K, N] expected, block-float ones DRAM width-sharded",
        to_string(first.spec()));
  for (const Tensor& matrix : in.subspan(3)) {
    check(matrix.is_allocated() && matrix.spec() == first.spec() && matrix.form() == first.form(),
          "[sparse_matmul] matrices {} and {}: all of one shape and dtype expected", to_string(first.spec()),
          to_string(matrix.spec()));
  }
  check(x[3] == first.logical_shape()[0],
        "[sparse_matmul] x {} and matrices {}: the input's last dimension must be the matrices' first",
        to_string(in[0].spec()), to_string(first.spec()));
  check_output(name(), options);
}

std::vector<OutputSpec> SparseMatmul::output_specs(Inputs in) const {
  const Shape& picks = in[1].logical_shape();
  return {like(in[0], Shape{1, picks[2], picks[3], in[2].logical_shape()[1]}, options)};
}

double SparseMatmul::flops(Inputs in, Outputs) const {
  return 2.0 * static_cast<double>(in[1].logical_shape().volume()) *
         static_cast<double>(in[2].logical_shape().volume());
}

PickedRows picked_rows(Inputs in) {
  const Shape& picks = in[1].logical_shape();
  const Shape& matrix = in[2].logical_shape();
  const PickedRows rows{picks.volume(),
                        picks[3],
                        matrix[0],
                        matrix[1],
                        in[0].logical_shape()[2] == 1,
                        in[1].data<const std::int32_t>()};
  const auto count = static_cast<std::int64_t>(in.size()) - 2;
  for (std::int64_t p = 0; p < rows.pairs; ++p) {
    check(rows.picks[p] >= 0 && rows.picks[p] < count, "[sparse_matmul] pick {} of row {}: 0 to {} expected",
          rows.picks[p], p / rows.k, count - 1);
  }
  return rows;
}

Tensor sparse_matmul(const Tensor& x, const Tensor& picks, std::span<const Tensor> matrices,
                     const OpOptions& options) {
  std::vector<Tensor> inputs{x, picks};
  inputs.insert(inputs.end(), matrices.begin(), matrices.end());
  return dispatch(SparseMatmul(options), std::move(inputs))[0];
}

}  // namespace tessera
