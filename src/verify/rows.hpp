#pragma once
// Report rows from comparisons.
#include <cstdint>
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

/// The same for hidden states [rows, cols]: every row counts alike and none may be far off by itself
/// (metrics::compare_rows).
report::OpResult hidden_row(const RowTags& tags, const std::string& path, const std::string& module,
                            double threshold, std::span<const float> reference, std::span<const float> device,
                            std::int64_t cols, double ms);

/// The same for the logits of one position (metrics::passes_logits).
report::OpResult logits_row(const RowTags& tags, double threshold, std::span<const float> reference,
                            std::span<const float> device, double ms);

/// Hidden states [tokens, cols] after a layer, judged as hidden_row does. `ms` is the device's.
report::LayerResult layer_row(const std::string& mode, int layer, double threshold,
                              std::span<const float> reference, std::span<const float> device,
                              std::int64_t cols, double ms);

/// Counts and the worst of some rows.
struct Verdict {
  std::size_t rows = 0, failed = 0;
  double worst_pcc = 1;
  std::string worst;  // path of the worst row
  const report::OpResult* first_failed = nullptr;

  bool pass() const { return rows > 0 && failed == 0; }
};

Verdict judge(const std::vector<report::OpResult>& rows, const std::string& phase);

/// Counts and the worst of the layers of one mode.
struct LayerVerdict {
  std::size_t rows = 0, failed = 0;
  const report::LayerResult* worst = nullptr;        // lowest PCC
  const report::LayerResult* worst_token = nullptr;  // with the token that is furthest off
  const report::LayerResult* first_failed = nullptr;

  bool pass() const { return rows > 0 && failed == 0; }
  /// "30 layers, worst PCC 0.999690 (layer 29), worst token off by 0.072 of its size (token 0 in layer 10)".
  std::string evidence() const;
};

LayerVerdict judge_layers(const std::vector<report::LayerResult>& layers, const std::string& mode);

/// "layers.3.mlp: linear: PCC 0.912 (needs 0.999)".
std::string describe(const report::OpResult& row);

}  // namespace tessera::verify
