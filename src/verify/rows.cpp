#include "verify/rows.hpp"

#include <fmt/format.h>

#include "metrics/compare.hpp"

namespace tessera::verify {

report::OpResult module_row(const RowTags& tags, const std::string& path, const std::string& module,
                            double threshold, std::span<const float> reference, std::span<const float> device,
                            double ms) {
  const metrics::Comparison c = metrics::compare(reference, device);
  report::OpResult row;
  row.phase = tags.phase;
  row.mode = tags.mode;
  row.input = tags.input;
  row.path = path;
  row.layer = layer_of(path);
  row.op = module;
  row.pcc = c.pcc;
  row.max_abs = c.max_abs;
  row.rel_l2 = c.rel_l2;
  row.scale = c.scale;
  row.threshold = threshold;
  row.pass = metrics::passes(c, threshold);
  row.own_pcc = c.pcc;
  row.ms = ms;
  row.note = c.remark();
  return row;
}

report::LayerResult layer_row(const std::string& mode, int layer, double threshold,
                              std::span<const float> reference, std::span<const float> device) {
  const metrics::Comparison c = metrics::compare(reference, device);
  return {mode, layer, c.pcc, c.max_abs, c.rel_l2, threshold, metrics::passes(c, threshold)};
}

Verdict judge(const std::vector<report::OpResult>& rows, const std::string& phase) {
  Verdict verdict;
  for (const auto& row : rows) {
    if (row.phase != phase) continue;
    ++verdict.rows;
    if (!row.pass) {
      ++verdict.failed;
      if (verdict.first_failed == nullptr) verdict.first_failed = &row;
    }
    if (row.pcc < verdict.worst_pcc) {
      verdict.worst_pcc = row.pcc;
      verdict.worst = row.path + " " + row.op;
    }
  }
  return verdict;
}

std::string describe(const report::OpResult& row) {
  std::string text =
      fmt::format("{}: {} ({}): PCC {:.6f}, needs {}", row.path, row.op, row.input, row.pcc, row.threshold);
  if (!row.note.empty()) text += "; " + row.note;
  return text;
}

}  // namespace tessera::verify
