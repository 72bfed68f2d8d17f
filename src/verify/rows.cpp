#include "verify/rows.hpp"

#include <fmt/format.h>

#include "metrics/compare_rows.hpp"

namespace tessera::verify {

namespace {

report::OpResult op_row(const RowTags& tags, const std::string& path, const std::string& module,
                        double threshold, const metrics::Comparison& c, double ms) {
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

}  // namespace

report::OpResult module_row(const RowTags& tags, const std::string& path, const std::string& module,
                            double threshold, std::span<const float> reference, std::span<const float> device,
                            double ms) {
  return op_row(tags, path, module, threshold, metrics::compare(reference, device), ms);
}

report::OpResult hidden_row(const RowTags& tags, const std::string& path, const std::string& module,
                            double threshold, std::span<const float> reference, std::span<const float> device,
                            std::int64_t cols, double ms) {
  const auto c = metrics::compare_rows(reference, device, static_cast<std::size_t>(cols));
  report::OpResult row = op_row(tags, path, module, threshold, c.even, ms);
  row.max_abs = c.plain.max_abs;
  row.pass = metrics::passes(c, threshold);
  row.note = c.remark(threshold);
  return row;
}

report::OpResult logits_row(const RowTags& tags, double threshold, std::span<const float> reference,
                            std::span<const float> device, double ms) {
  const metrics::Comparison c = metrics::compare(reference, device);
  report::OpResult row = op_row(tags, "lm_head", "model", threshold, c, ms);
  row.pass = metrics::passes_logits(c, threshold);
  if (row.pass) row.note.clear();
  return row;
}

report::LayerResult layer_row(const std::string& mode, int layer, double threshold,
                              std::span<const float> reference, std::span<const float> device,
                              std::int64_t cols, double ms) {
  const auto c = metrics::compare_rows(reference, device, static_cast<std::size_t>(cols));
  report::LayerResult row;
  row.mode = mode;
  row.layer = layer;
  row.pcc = c.even.pcc;
  row.max_abs = c.plain.max_abs;
  row.rel_l2 = c.even.rel_l2;
  row.threshold = threshold;
  row.pass = metrics::passes(c, threshold);
  row.plain_pcc = c.plain.pcc;
  row.worst_token = static_cast<int>(c.worst_row);
  row.worst_token_rel_l2 = c.worst_row_rel_l2;
  row.ms = ms;
  row.note = c.remark(threshold);
  return row;
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

LayerVerdict judge_layers(const std::vector<report::LayerResult>& layers, const std::string& mode) {
  LayerVerdict verdict;
  for (const report::LayerResult& row : layers) {
    if (row.mode != mode) continue;
    ++verdict.rows;
    if (!row.pass) {
      ++verdict.failed;
      if (verdict.first_failed == nullptr) verdict.first_failed = &row;
    }
    if (verdict.worst == nullptr || row.pcc < verdict.worst->pcc) verdict.worst = &row;
    if (verdict.worst_token == nullptr || row.worst_token_rel_l2 > verdict.worst_token->worst_token_rel_l2)
      verdict.worst_token = &row;
  }
  return verdict;
}

std::string LayerVerdict::evidence() const {
  if (worst == nullptr) return "no layers";
  return fmt::format(
      "{} layers, worst PCC {:.6f} (layer {}), worst token off by {:.3f} of its size (token {} in layer {})",
      rows, worst->pcc, worst->layer, worst_token->worst_token_rel_l2, worst_token->worst_token,
      worst_token->layer);
}

std::string describe(const report::OpResult& row) {
  std::string text =
      fmt::format("{}: {} ({}): PCC {:.6f}, needs {}", row.path, row.op, row.input, row.pcc, row.threshold);
  if (!row.note.empty()) text += "; " + row.note;
  return text;
}

}  // namespace tessera::verify
