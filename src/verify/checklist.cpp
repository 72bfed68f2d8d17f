#include <algorithm>
#include <array>

#include "verify/bringup.hpp"
#include "verify/phases.hpp"

namespace tessera::verify {
namespace {

// The guide's checklist, word for word.
constexpr std::array<const char*, 10> kTitles{
    "Baseline validation on CPU/GPU completed",
    "Individual decode modules implemented and tested",
    "Modules composed into decoder layers",
    "Full decode mode working",
    "Teacher forcing validation passed",
    "Token generation accuracy verified",
    "Prefill implementation completed",
    "End-to-end model running",
    "Performance optimizations applied (optional)",
    "Multi-device scaling implemented (if needed)",
};

constexpr int kRequired = 8;

}  // namespace

report::ChecklistItem& checklist_item(report::BringupReport& report, int item) {
  if (report.checklist.size() != kTitles.size()) {
    report.checklist.clear();
    for (std::size_t i = 0; i < kTitles.size(); ++i) {
      report.checklist.push_back(
          {static_cast<int>(i) + 1, kTitles[i], report::Status::Skipped, "its phase was not run", ""});
    }
  }
  return report.checklist[static_cast<std::size_t>(item - 1)];
}

void conclude(report::BringupReport& report, int item, bool pass, std::string evidence, std::string reason) {
  report::ChecklistItem& entry = checklist_item(report, item);
  entry.status = pass ? report::Status::Pass : report::Status::Fail;
  entry.evidence = std::move(evidence);
  entry.reason = pass ? "" : std::move(reason);
}

bool all_required_pass(const report::BringupReport& report) {
  return std::ranges::none_of(report.checklist, [](const report::ChecklistItem& item) {
    return item.item <= kRequired && item.status == report::Status::Fail;
  });
}

}  // namespace tessera::verify
