#pragma once
// One op with its inputs, apart from any model: what its own error is, and where that comes from.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metrics/compare.hpp"
#include "ops/op_call.hpp"

namespace tessera::verify {

/// An input as the reference has it, and as the device is to hold it. Absent: spec has rank 0 and no values.
struct CaseInput {
  bool present = false;
  bool constant = false;  // a weight
  TensorSpec spec;        // on the device
  MemoryConfig memory_config;
  std::vector<float> values;           // the reference's, float32; of floats
  std::vector<std::int32_t> integers;  // of integers
};

struct OpCase {
  std::string path;  // "layers.3.mlp.down_proj"
  std::string mode;  // "decode" | "prefill"
  std::shared_ptr<const Operation> op;
  std::vector<CaseInput> inputs;
};

/// The first output that holds floats, on the reference's inputs. `total`: the device against the reference
/// on float32 inputs. The parts count every row alike (metrics::compare_rows), as a share of its size:
/// `storage`: the reference on the inputs as the device stores them, against the same; `arithmetic`: the
/// device against the reference on the inputs as the device stores them; `least`: the same with HiFi4, an
/// fp32 Dest and nothing approximate: what of it lies in the inputs and the output's dtype; `scatter`: what
/// of `arithmetic` is no common factor of a row. A norm at HiFi2 makes whole rows too small (its factor is
/// cut) by more than all its other rounding, so that a Dest of 16 bits shows in the scatter alone.
struct LocalError {
  metrics::Comparison total;
  double storage = 0, arithmetic = 0, least = 0, scatter = 0;
  double whole = 0;  // storage and arithmetic together
};

/// Runs the op on `device` twice, and twice on a ref device. Throws UserError where the op refuses the
/// inputs; nullopt when no output is a float.
std::optional<LocalError> measure(const OpCase& op_case, Device& device);

/// The same case under another compute configuration; the op must be one of describe_call's.
OpCase with_config(const OpCase& op_case, const ComputeKernelConfig& config);
/// HiFi4, fp32 Dest, nothing approximate; the rest as given.
ComputeKernelConfig best_config(ComputeKernelConfig config);
/// The same case with its block-float weights held as `dtype`.
OpCase with_weights(const OpCase& op_case, DataType dtype);

/// The configuration that the op was given; nullopt: its own default, or an op without one.
std::optional<ComputeKernelConfig> config_of(const OpCase& op_case);

/// "HiFi2, fp32 Dest"; "approximate" where it is.
std::string describe(const ComputeKernelConfig& config);

}  // namespace tessera::verify
