#pragma once
#include <string>

#include "ops/operation.hpp"

namespace tessera {

/// Input: the fused projection. Both engines copy.
struct CreateQkvHeads final : MovingOperation {
  int num_heads, num_kv_heads;
  bool decode, transpose_k;
  OpOptions options;

  CreateQkvHeads(int heads, int kv_heads, bool is_decode, bool transpose, const OpOptions& opts)
      : num_heads(heads), num_kv_heads(kv_heads), decode(is_decode), transpose_k(transpose), options(opts) {}
  std::string_view name() const override {
    return decode ? "nlp_create_qkv_heads_decode" : "nlp_create_qkv_heads";
  }
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override { run_ref(inputs, outputs); }
};

/// Input: x.
struct ConcatHeads final : MovingOperation {
  int num_heads;  // decode only
  bool decode;
  OpOptions options;

  ConcatHeads(int heads, bool is_decode, const OpOptions& opts)
      : num_heads(heads), decode(is_decode), options(opts) {}
  std::string_view name() const override { return decode ? "nlp_concat_heads_decode" : "nlp_concat_heads"; }
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override { run_ref(inputs, outputs); }
};

}  // namespace tessera
