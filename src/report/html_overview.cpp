// Header, checklist, and the small parts that the sections share.
#include <fmt/format.h>

#include <algorithm>

#include "report/bringup_json.hpp"
#include "report/html_sections.hpp"
#include "report/verdict.hpp"

namespace tessera::report {
namespace {

void fact(Html& html, std::string_view name, const std::string& value) {
  if (value.empty()) return;
  const auto pair = html.open("div");
  html.element("dt", name);
  html.element("dd", value);
}

void folded_table(Html& html, std::string_view title,
                  const std::vector<std::pair<std::string, std::string>>& rows) {
  if (rows.empty()) return;
  const auto details = html.open("details");
  html.element("summary", title);
  const auto table = html.open("table", {{"class", "config"}});
  const auto body = html.open("tbody");
  for (const auto& [key, value] : rows) {
    const auto row = html.open("tr");
    html.element("th", key, {{"scope", "row"}});
    html.element("td", value);
  }
}

}  // namespace

void status_mark(Html& html, Status status) {
  html.element("span", to_string(status), {{"class", fmt::format("mark {}", to_string(status))}});
}

void not_run(Html& html, std::string_view what, int phase) {
  html.element("p", fmt::format("No {}: phase {} is not in this run.", what, phase), {{"class", "absent"}});
}

void header_section(Html& html, const BringupReport& r) {
  const auto header = html.open("header");
  html.element("h1", r.model);
  {
    const auto line = html.open("p", {{"class", "verdict"}});
    status_mark(html, overall_status(r));
    html.text(verdict_text(r));
  }
  {
    const auto facts = html.open("dl", {{"class", "facts"}});
    fact(html, "Architecture", r.architecture);
    fact(html, "Device", r.device);
    fact(html, "Engine", r.engine);
    fact(html, "Precision", r.precision);
    fact(html, "Instruction set", r.isa);
    fact(html, "Threads", std::to_string(r.threads));
    fact(html, "Baseline", r.baseline);
    fact(html, "Date", r.date);
    fact(html, "Took", fmt::format("{:.0f} s", r.seconds));
    fact(html, "Tessera", r.version);
  }
  folded_table(html, "Configuration of the model", r.config);
  std::vector<std::pair<std::string, std::string>> thresholds;
  thresholds.reserve(r.thresholds.size());
  for (const auto& [name, value] : r.thresholds) thresholds.emplace_back(name, fmt::format("{:g}", value));
  folded_table(html, "Thresholds", thresholds);
}

void checklist_section(Html& html, const BringupReport& r) {
  const auto section = html.open("section", {{"id", "checklist"}});
  html.element("h2", "Checklist");
  const auto list = html.open("ol", {{"class", "checklist"}});
  for (const ChecklistItem& item : r.checklist) {
    const auto entry = html.open("li");
    html.element("span", std::to_string(item.item), {{"class", "number"}});
    status_mark(html, item.status);
    const auto text = html.open("div");
    html.element("strong", item.title);
    if (!item.reason.empty()) html.element("p", item.reason, {{"class", "reason"}});
    if (!item.evidence.empty()) html.element("p", item.evidence);
  }
}

}  // namespace tessera::report
