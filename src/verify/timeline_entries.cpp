#include "verify/timeline_entries.hpp"

namespace tessera::verify {

std::vector<report::TimelineEntry> timeline_entries(const Timeline& timeline) {
  std::vector<report::TimelineEntry> entries;
  for (const Timeline::Entry& e : timeline.entries())
    entries.push_back({e.queue, e.name, e.path, e.begin * 1e3, e.end * 1e3});
  return entries;
}

}  // namespace tessera::verify
