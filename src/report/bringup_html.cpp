#include "report/bringup_html.hpp"

#include <fmt/format.h>

#include <map>
#include <string_view>

#include "report/html_sections.hpp"
#include "report/page.hpp"

namespace tessera::report {
namespace {

// Puts values where the page says {{name}}, in one pass: braces in a value stay what they are.
std::string fill(std::string_view page, const std::map<std::string_view, std::string>& values) {
  std::string out;
  while (true) {
    const std::size_t begin = page.find("{{");
    out += page.substr(0, begin);
    if (begin == std::string_view::npos) return out;
    const std::size_t end = page.find("}}", begin);
    out += values.at(page.substr(begin + 2, end - begin - 2));
    page.remove_prefix(end + 2);
  }
}

}  // namespace

std::string bringup_html(const BringupReport& report) {
  Html header, body;
  header_section(header, report);
  checklist_section(body, report);
  layers_section(body, report);
  accuracy_section(body, report);
  texts_section(body, report);
  equivalence_section(body, report);
  memory_section(body, report);
  performance_section(body, report);
  queues_section(body, report);
  mesh_section(body, report);
  ops_section(body, report);
  return fill(page_html(),
              {{"title", escape_html(fmt::format("{} on {}: bring-up", report.model, report.device))},
               {"style", std::string(page_css())},
               {"header", header.str()},
               {"body", body.str()},
               {"rows", ops_rows(report)},
               {"script", std::string(page_tips_js()) + std::string(page_ops_js())}});
}

}  // namespace tessera::report
