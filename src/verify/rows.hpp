#pragma once
// Report rows from comparisons.
#include <span>
#include <string>
#include <vector>

#include "report/bringup_report.hpp"
#include "verify/lockstep.hpp"

namespace tessera::verify {

/// A row for a module's or the model's output.
report::OpResult module_row(const RowTags& tags, const std::string& path, const std::string& module,
                            double threshold, std::span<const float> reference, std::span<const float> device,
                            double ms = 0);

report::LayerResult layer_row(const std::string& mode, int layer, double threshold,
                              std::span<const float> reference, std::span<const float> device);

/// Counts and the worst of some rows.
struct Verdict {
  std::size_t rows = 0, failed = 0;
  double worst_pcc = 1;
  std::string worst;  // path of the worst row
  const report::OpResult* first_failed = nullptr;

  bool pass() const { return rows > 0 && failed == 0; }
};

Verdict judge(const std::vector<report::OpResult>& rows, const std::string& phase);

/// "layers.3.mlp: linear: PCC 0.912 (needs 0.999)".
std::string describe(const report::OpResult& row);

}  // namespace tessera::verify
