#pragma once
// Timelines in the trace-event format that Perfetto (ui.perfetto.dev) and Chrome read.
#include <string>
#include <vector>

#include "report/bringup_report.hpp"

namespace tessera::report {

/// One complete event ("ph": "X") a command; a queue is a thread. Times in microseconds.
/// Format: "Trace Event Format", Google, 2016.
std::string trace_event_json(const std::vector<TimelineEntry>& entries);

}  // namespace tessera::report
