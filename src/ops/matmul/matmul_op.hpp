#pragma once
#include <string>

#include "ops/operation.hpp"

namespace tessera {

/// Inputs: a, b.
struct Matmul final : Operation {
  bool transpose_a, transpose_b;
  OpOptions options;

  Matmul(bool ta, bool tb, const OpOptions& opts) : transpose_a(ta), transpose_b(tb), options(opts) {}
  std::string_view name() const override { return "matmul"; }
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override;
  void run_exact(Inputs inputs, Outputs outputs) const override;
  double flops(Inputs inputs, Outputs outputs) const override;
};

/// The geometry of a call.
struct MatmulShape {
  std::int64_t count, m, k, n;  // count products [m, k] @ [k, n]
  bool one_b;                   // the same b for all of them
};

MatmulShape matmul_shape(const Matmul& op, Inputs inputs);

}  // namespace tessera
