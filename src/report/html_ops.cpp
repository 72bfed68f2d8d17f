// The per-op table: rows as JSON, drawn by page/ops.js, since thousands of rows as markup take seconds to lay
// out.
#include <fmt/format.h>

#include <algorithm>

#include "report/bringup_json.hpp"
#include "report/html_sections.hpp"

namespace tessera::report {

std::string ops_rows(const BringupReport& report) {
  using Json = nlohmann::ordered_json;
  const Json ops = to_json(report)["ops"];
  Json table{{"columns", Json::array()}, {"rows", Json::array()}};
  for (const Json& op : ops) {
    Json row = Json::array();
    for (const auto& [key, value] : op.items()) {
      if (table["rows"].empty()) table["columns"].push_back(key);
      row.push_back(value);
    }
    table["rows"].push_back(std::move(row));
  }
  std::string safe;
  // In JSON '<' stands in strings only; escaped, no text can end the script element or open a comment.
  for (const char c : table.dump(-1, ' ', false, Json::error_handler_t::replace)) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

void ops_section(Html& html, const BringupReport& r) {
  const auto section = html.open("section", {{"id", "ops"}});
  html.element("h2", "Ops and modules");
  if (r.ops.empty()) return not_run(html, "comparison op by op", 1);
  const auto failed = std::ranges::count(r.ops, false, &OpResult::pass);
  html.element(
      "p", fmt::format("{} comparisons, {} below their threshold. PCC, max abs, rel L2 and scale are local: "
                       "on the reference's inputs. Own PCC is that of the device's own run, inherited error "
                       "included; input PCC that of its worst input there.",
                       r.ops.size(), failed));
  html.element("noscript", "Sorting and filtering need JavaScript; the rows are in report.json, too.");
  html.element("div", "", {{"id", "ops-filters"}, {"class", "filters"}});
  html.element("p", "", {{"id", "ops-count"}, {"class", "count"}, {"aria-live", "polite"}});
  {
    const auto frame = html.open("div", {{"class", "scroll tall"}});
    html.element("table", "", {{"id", "ops-table"}});
  }
  html.element("button", "Show more", {{"id", "ops-more"}, {"type", "button"}, {"hidden", ""}});
}

}  // namespace tessera::report
