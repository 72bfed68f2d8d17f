#pragma once
// Which op of a model is less exact than it ought to be. Every op of a decode step and of a prefill is run by
// itself on the reference's inputs; an op is out of line when its error is too large for any op, or much
// larger than that of the same op in the model's other layers.
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "verify/op_case.hpp"
#include "verify/session.hpp"

namespace tessera::verify {

struct OpError {
  std::string path, op, mode;
  int layer = -1;
  LocalError error;
  std::optional<ComputeKernelConfig> config = {};  // that it was given
  // Where most of its like have another configuration: theirs, and the errors with it.
  std::optional<ComputeKernelConfig> usual_config = {};
  double usual_arithmetic = 0, usual_scatter = 0;
  double median = 0;        // of error.whole, of the same op in all layers
  std::string shapes = {};  // of the inputs: an op outside the layers is like those on the same
};

/// What an input holds: as the reference has it.
struct InputStatistics {
  std::string spec;  // "bfloat16 tile [1, 1, 32, 576]"
  bool weight = false;
  double rms = 0, largest = 0;  // of absolute values
  double crest = 0;             // largest / rms: a normal distribution of a thousand values has about 3.3
  double zeros = 0;             // share
  std::int64_t widest_column = 0;
  double widest_share = 0;  // of the energy, in the column (the last dimension) that has most
  std::int64_t not_finite = 0;
};

/// A setting that the op was run with instead, and what came of it.
struct Cure {
  std::string change;  // "fp32 Dest", "weights in bfloat8_b"
  double pcc = 0, whole = 0, scatter = 0;
  bool cures = false;  // the error is back in line
};

/// Errors that are in line (LocalError's).
struct ErrorLimits {
  double whole = 0;
  double scatter = std::numeric_limits<double>::infinity();  // asked for where that is what stands out
};

struct Finding {
  OpError op;
  std::string reason;  // why it is out of line
  std::string config;  // "HiFi2, 16-bit Dest"; "the op's default"
  std::vector<InputStatistics> inputs;
  std::vector<Cure> cures;  // cheapest first
  OpCase op_case;
};

struct Bisection {
  std::vector<OpError> ops;        // in the order of the run, decode first
  std::optional<Finding> finding;  // the first that is out of line
};

/// Throws UserError where the device runs other ops than the reference.
Bisection bisect(Session& session);

/// The same figures for a case that stands alone. `threshold`: the PCC that passes; no other layers to be
/// held against. Throws UserError where the op refuses its inputs.
Finding examine(const OpCase& op_case, Device& device, double threshold);

/// Statistics of each input that is there and holds floats.
std::vector<InputStatistics> input_statistics(const OpCase& op_case);

/// Other settings for a case, cheapest first: fp32 Dest, more fidelity, both, weights with more bits, all of
/// it.
std::vector<Cure> try_cures(const OpCase& op_case, Device& device, const ErrorLimits& limits);

}  // namespace tessera::verify
