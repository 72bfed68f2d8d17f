#pragma once
#include <string>

#include "report/bringup_report.hpp"

namespace tessera::report {

struct StatusCounts {
  int pass = 0, fail = 0, skipped = 0;
};

StatusCounts count_statuses(const BringupReport& report);

/// Fail when one item fails, Skipped when nothing was run.
Status overall_status(const BringupReport& report);

/// "8 of 10 items pass, 2 skipped", the first line of every report.
std::string verdict_text(const BringupReport& report);

}  // namespace tessera::report
