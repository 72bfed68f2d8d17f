#pragma once
// The same run on the reference and on the device, op by op.
//
// The reference run is recorded: every op's inputs and outputs. The device run is then compared twice. Local
// error: the device repeats the op on the reference's inputs (its own weights), so that nothing earlier
// matters. Inherited error: what the op really put out, on its own inputs. An op whose output is bad while
// its inputs were good is the suspect.
#include <functional>
#include <string>
#include <vector>

#include "ops/dispatch.hpp"
#include "report/bringup_report.hpp"
#include "verify/thresholds.hpp"

namespace tessera::verify {

struct OpRecord {
  std::string path, name;
  struct Value {
    TensorSpec spec;
    bool constant = false;
    bool integer = false;
    std::vector<float> values;  // empty for constants and integers
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
  std::string input;  // "normal" | "heavy_tailed" | "captured"
};

/// Runs `body` (on the device) against a recording: one row an op. Views are left out; a typecast that the
/// reference does not have is held against its own input. An op that the reference ran as another one is a
/// failing row.
std::vector<report::OpResult> check_ops(const Recording& recording, const std::function<void()>& body,
                                        const RowTags& tags, const Thresholds& thresholds);

/// The first row that is to blame: it fails on good inputs. nullptr when none is.
const report::OpResult* first_suspect(const std::vector<report::OpResult>& rows);

/// The layer of a path "layers.3.mlp", or -1.
int layer_of(const std::string& path);

}  // namespace tessera::verify
