#pragma once
// A device's timeline as reports draw it.
#include <vector>

#include "device/timeline.hpp"
#include "report/bringup_report.hpp"

namespace tessera::verify {

std::vector<report::TimelineEntry> timeline_entries(const Timeline& timeline);

}  // namespace tessera::verify
