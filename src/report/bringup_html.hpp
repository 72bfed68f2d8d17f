#pragma once
#include <string>

#include "report/bringup_report.hpp"

namespace tessera::report {

/// The report as one HTML file that loads nothing: style, script, plots (SVG) and rows are in it. Works
/// without script, except for the per-op table. Every text is escaped; phases that were not run are named.
std::string bringup_html(const BringupReport& report);

}  // namespace tessera::report
