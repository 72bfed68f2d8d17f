#include "op_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tessera::cli {
namespace {

using Json = nlohmann::ordered_json;

bool has_file(const verify::Finding& finding) {
  return describe_call(*finding.op_case.op).has_value();
}

Json error_json(const verify::LocalError& e) {
  return {{"pcc", e.total.pcc},         {"max_abs", e.total.max_abs},
          {"rel_l2", e.total.rel_l2},   {"scale", e.total.scale},
          {"whole", e.whole},           {"storage", e.storage},
          {"arithmetic", e.arithmetic}, {"arithmetic_at_best", e.least},
          {"scatter", e.scatter}};
}

}  // namespace

std::string finding_text(const verify::Finding& f) {
  const verify::LocalError& e = f.op.error;
  std::string text = fmt::format("{}: {} ({}), {}\n", f.op.path, f.op.op, f.op.mode, f.config);
  text += fmt::format(
      "  PCC {:.6f}, off by {:.4f} of a row's size: {:.4f} by dtypes, {:.4f} by arithmetic ({:.4f} "
      "with HiFi4 and an fp32 Dest; {:.4f} but for a factor of each row)\n",
      e.total.pcc, e.whole, e.storage, e.arithmetic, e.least, e.scatter);
  for (const auto& s : f.inputs) {
    text += fmt::format(
        "  {} {}: rms {:.4g}, largest {:.4g} ({:.1f} x rms), column {} has {:.0f} % of the energy{}\n",
        s.weight ? "weight" : "input", s.spec, s.rms, s.largest, s.crest, s.widest_column,
        100 * s.widest_share, s.not_finite > 0 ? fmt::format(", {} not finite", s.not_finite) : "");
  }
  std::size_t width = 0;
  for (const auto& cure : f.cures) width = std::max(width, cure.change.size());
  for (const auto& cure : f.cures)
    text += fmt::format("  with {:<{}}  PCC {:.6f}, off by {:.4f}, {:.4f} but for factors{}\n", cure.change,
                        width, cure.pcc, cure.whole, cure.scatter, cure.cures ? "  in line" : "");
  return text;
}

Json finding_json(const verify::Finding& f) {
  Json json{{"path", f.op.path},   {"op", f.op.op},      {"mode", f.op.mode},
            {"layer", f.op.layer}, {"config", f.config}, {"reason", f.reason}};
  json["error"] = error_json(f.op.error);
  json["inputs"] = Json::array();
  for (const auto& s : f.inputs)
    json["inputs"].push_back({{"spec", s.spec},
                              {"weight", s.weight},
                              {"rms", s.rms},
                              {"largest", s.largest},
                              {"crest", s.crest},
                              {"zeros", s.zeros},
                              {"widest_column", s.widest_column},
                              {"widest_share", s.widest_share},
                              {"not_finite", s.not_finite}});
  json["cures"] = Json::array();
  for (const auto& cure : f.cures)
    json["cures"].push_back({{"change", cure.change},
                             {"pcc", cure.pcc},
                             {"whole", cure.whole},
                             {"scatter", cure.scatter},
                             {"cures", cure.cures}});
  return json;
}

std::string bisection_text(const verify::Bisection& found, const std::filesystem::path& file) {
  if (!found.finding) {
    const auto worst =
        std::ranges::min_element(found.ops, {}, [](const verify::OpError& op) { return op.error.total.pcc; });
    return fmt::format("no op is out of line: {} ops, the lowest PCC {:.6f} ({} in {}, {})\n",
                       found.ops.size(), worst->error.total.pcc, worst->op, worst->path, worst->mode);
  }
  const verify::Finding& f = *found.finding;
  return fmt::format("the first of {} ops that is out of line: {}\n", found.ops.size(), f.reason) +
         finding_text(f) +
         (has_file(f) ? fmt::format("  reproduction: tessera replay {}\n", file.string()) : "");
}

Json bisection_json(const verify::Bisection& found, const std::filesystem::path& file) {
  Json json{{"ops", found.ops.size()}, {"finding", nullptr}, {"errors", Json::array()}};
  if (found.finding) {
    json["finding"] = finding_json(*found.finding);
    json["finding"]["file"] = has_file(*found.finding) ? Json(file.string()) : Json(nullptr);
  }
  for (const auto& op : found.ops) {
    Json row{{"mode", op.mode}, {"path", op.path}, {"op", op.op}, {"layer", op.layer}};
    row.update(error_json(op.error));
    json["errors"].push_back(std::move(row));
  }
  return json;
}

}  // namespace tessera::cli
