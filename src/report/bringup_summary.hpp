#pragma once
#include <string>

#include "report/bringup_report.hpp"

namespace tessera::report {

struct SummaryStyle {
  int width = 80;  // columns; held between 50 and 100, beyond which lines are hard to read
  bool colour = false;
};

/// The report in the lines of a terminal: checklist with evidence, agreement of tokens, speed, memory,
/// generated text, and where the page is. Text of the model cannot control the terminal.
std::string bringup_summary(const BringupReport& report, const std::string& html_path,
                            SummaryStyle style = {});

}  // namespace tessera::report
