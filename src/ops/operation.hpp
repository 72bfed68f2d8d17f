#pragma once
// What an op is to dispatch. One object a call: it holds the attributes, the tensors are passed in.
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/tensor.hpp"
#include "ops/op_options.hpp"

namespace tessera {

struct OutputSpec {
  TensorSpec spec;
  MemoryConfig memory_config;
};

using Inputs = std::span<const Tensor>;
using Outputs = std::span<Tensor>;

class Operation : public std::enable_shared_from_this<Operation> {
 public:
  virtual ~Operation() = default;

  /// TT-NN's name without namespaces: "rms_norm".
  virtual std::string_view name() const = 0;
  /// Attributes for reports: "epsilon=1e-05"; empty when there are none.
  virtual std::string attributes() const { return {}; }

  /// Throws UserError "[name] what: the actual values: what to do". Kernels assume that it passed.
  virtual void validate(Inputs inputs) const = 0;
  virtual std::vector<OutputSpec> output_specs(Inputs inputs) const = 0;

  /// Allocates by output_specs(); an op that works in place or makes a view returns the input's memory
  /// instead.
  virtual std::vector<Tensor> make_outputs(Inputs inputs) const;
  /// The input that run_*() writes to, or -1.
  virtual int in_place_input() const { return -1; }

  /// Whether a trace may hold it: a replay would do the same thing and mean the same.
  virtual bool is_replayable() const { return true; }

  virtual void run_ref(Inputs inputs, Outputs outputs) const = 0;
  virtual void run_fast(Inputs inputs, Outputs outputs) const = 0;
  virtual void run_exact(Inputs inputs, Outputs outputs) const = 0;

  /// Multiply-adds count as two.
  virtual double flops(Inputs, Outputs) const { return 0; }

  /// Bytes over the busiest link between chips; 0 for all but collectives.
  virtual double link_bytes(Inputs, Outputs) const { return 0; }
};

/// An op that moves values, rounds by the packer's rule or works on integers: nothing for the exact engine to
/// compute otherwise.
class MovingOperation : public Operation {
 public:
  void run_exact(Inputs inputs, Outputs outputs) const final { run_fast(inputs, outputs); }
};

}  // namespace tessera
