#include "report/verdict.hpp"

#include <fmt/format.h>

namespace tessera::report {

StatusCounts count_statuses(const BringupReport& report) {
  StatusCounts counts;
  for (const ChecklistItem& item : report.checklist) {
    if (item.status == Status::Pass) ++counts.pass;
    if (item.status == Status::Fail) ++counts.fail;
    if (item.status == Status::Skipped) ++counts.skipped;
  }
  return counts;
}

Status overall_status(const BringupReport& report) {
  const StatusCounts counts = count_statuses(report);
  if (counts.fail > 0) return Status::Fail;
  return counts.pass > 0 ? Status::Pass : Status::Skipped;
}

std::string verdict_text(const BringupReport& report) {
  const StatusCounts counts = count_statuses(report);
  std::string text = fmt::format("{} of {} items pass", counts.pass, report.checklist.size());
  if (counts.fail > 0) text += fmt::format(", {} fail{}", counts.fail, counts.fail == 1 ? "s" : "");
  if (counts.skipped > 0) text += fmt::format(", {} skipped", counts.skipped);
  return text;
}

}  // namespace tessera::report
