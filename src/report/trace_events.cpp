#include "report/trace_events.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

namespace tessera::report {

std::string trace_event_json(const std::vector<TimelineEntry>& entries) {
  using Json = nlohmann::ordered_json;
  Json events = Json::array();
  std::set<int> queues;
  for (const TimelineEntry& e : entries) {
    queues.insert(e.queue);
    events.push_back({{"name", e.name},
                      {"cat", "device"},
                      {"ph", "X"},
                      {"ts", e.begin_ms * 1e3},
                      {"dur", (e.end_ms - e.begin_ms) * 1e3},
                      {"pid", 0},
                      {"tid", e.queue},
                      {"args", {{"path", e.path}}}});
  }
  for (const int queue : queues) {
    events.push_back({{"name", "thread_name"},
                      {"ph", "M"},
                      {"pid", 0},
                      {"tid", queue},
                      {"args", {{"name", fmt::format("command queue {}", queue)}}}});
  }
  const Json document{{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}};
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tessera::report
