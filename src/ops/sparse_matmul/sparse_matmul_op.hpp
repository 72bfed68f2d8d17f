#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "ops/operation.hpp"

namespace tessera {

/// Inputs: x, picks, then the matrices.
struct SparseMatmul final : Operation {
  OpOptions options;

  explicit SparseMatmul(const OpOptions& opts) : options(opts) {}
  std::string_view name() const override { return "sparse_matmul"; }
  std::string attributes() const override { return {}; }
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override;
  void run_exact(Inputs inputs, Outputs outputs) const override;
  double flops(Inputs inputs, Outputs outputs) const override;
};

/// The geometry of a call. A pair is a row and one of its picks: pair p is row p / k of the input and row p
/// of the output.
struct PickedRows {
  std::int64_t pairs, k;  // k: picks of a row
  std::int64_t inner, cols;
  bool shared;                // one input row for all picks of a row
  const std::int32_t* picks;  // [pairs]

  /// The row of x that pair p multiplies.
  std::int64_t input_row(std::int64_t p) const { return shared ? p / k : p; }
};

/// Throws UserError where a pick is none of the matrices.
PickedRows picked_rows(Inputs inputs);

}  // namespace tessera
