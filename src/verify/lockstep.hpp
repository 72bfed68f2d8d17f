#pragma once
// The same run on the reference and on the device, op by op.
//
// The reference run is recorded: every op's inputs and outputs. The device run is then compared twice. Local
// error: the device repeats the op on the reference's inputs (its own weights), so that nothing earlier
// matters. Inherited error: what the op really put out, on its own inputs. An op whose output is bad while
// its inputs were good is the suspect. Beside the values, attributes (epsilon, scale, ...) and integer inputs
// (positions, pages) are held against the reference's: a wrong one may show in no figure of this run.
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ops/dispatch.hpp"
#include "report/bringup_report.hpp"
#include "verify/thresholds.hpp"

namespace tessera::verify {

struct OpRecord {
  std::string path, name, attributes;
  struct Value {
    TensorSpec spec;
    bool constant = false;
    bool integer = false;
    std::vector<float> values;           // empty for constants and integers
    std::vector<std::int32_t> integers;  // of integers that are not constant
    Tensor tensor = {};                  // of constants: what stands on the device that ran the op
  };
  std::vector<Value> inputs, outputs;
  double ms = 0;
};

using Recording = std::vector<OpRecord>;

/// Runs `body` (on the reference) and records its ops.
Recording record(const std::function<void()>& body);

/// What every row of a comparison has in common.
struct RowTags {
  std::string phase;  // "modules"
  std::string mode;   // "decode" | "prefill"
  std::string input;  // "normal" | "heavy_tailed" | "small" | "captured"
};

/// Runs `body` (on the device) against a recording: one row an op. Views are left out; a typecast that the
/// reference does not have is held against its own input. A row fails by its local error, in the whole or in
/// a row or column of tiles; when the op is another than the reference's, is missing, or has other attributes
/// or integers; and when good inputs gave a bad output which the op, run again on them, does not give.
std::vector<report::OpResult> check_ops(const Recording& recording, const std::function<void()>& body,
                                        const RowTags& tags, const Thresholds& thresholds);

/// The first row that fails: rows of check_ops stand in the order of the run, and none fails for what came
/// before it. nullptr when none does.
const report::OpResult* first_suspect(std::span<const report::OpResult> rows);

/// The layer of a path "layers.3.mlp", or -1.
int layer_of(const std::string& path);

}  // namespace tessera::verify
