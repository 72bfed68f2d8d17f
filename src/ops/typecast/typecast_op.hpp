#pragma once
#include <string>

#include "ops/operation.hpp"

namespace tessera {

/// Input: x. Returns x itself when there is nothing to do. Both engines pack row by row.
struct Typecast final : MovingOperation {
  DataType dtype;

  explicit Typecast(DataType to) : dtype(to) {}
  std::string_view name() const override { return "typecast"; }
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  std::vector<Tensor> make_outputs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override { run_ref(inputs, outputs); }
};

/// Input: x. Returns x itself when there is nothing to do.
struct ToLayout final : MovingOperation {
  Layout layout;

  explicit ToLayout(Layout to) : layout(to) {}
  std::string_view name() const override { return "to_layout"; }
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  std::vector<Tensor> make_outputs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override { run_ref(inputs, outputs); }
};

}  // namespace tessera
