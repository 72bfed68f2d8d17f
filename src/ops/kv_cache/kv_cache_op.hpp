#pragma once
#include <string>

#include "ops/operation.hpp"

namespace tessera {

/// All three writes. Inputs: cache, x, then by kind: Update: update_idxs, page_table (may be unallocated);
/// PagedFill: page_table. Both engines pack row by row.
struct CacheWrite final : MovingOperation {
  enum class Kind : std::uint8_t { Fill, Update, PagedFill };
  Kind kind;
  int batch_idx;

  CacheWrite(Kind k, int user) : kind(k), batch_idx(user) {}
  std::string_view name() const override;
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  std::vector<Tensor> make_outputs(Inputs inputs) const override { return {inputs[0]}; }
  int in_place_input() const override { return 0; }
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override { run_ref(inputs, outputs); }
};

}  // namespace tessera
