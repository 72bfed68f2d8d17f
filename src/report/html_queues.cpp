// Trace and command queues: what each way of decoding costs, and a few steps on the queues' time line.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/figures.hpp"
#include "report/html_sections.hpp"

namespace tessera::report {
namespace {

constexpr double kWidth = 960, kLeft = 74, kLane = 46, kTop = 10, kAxis = 30;

std::string at(double value) {
  return fmt::format("{:.2f}", value);
}

void ways_table(Html& html, const BringupReport& r) {
  const auto frame = html.open("div", {{"class", "scroll"}});
  const auto table = html.open("table");
  table_head(html, {"decode, one user", "ms a step", "host ms a step", "tok/s", "bit for bit"});
  const auto body = html.open("tbody");
  for (const StepWay& w : r.ways) {
    const auto line = html.open("tr");
    html.element("td", w.name);
    html.element("td", figure_text(w.step_ms), {{"class", "n"}});
    html.element("td", w.host_ms > 0 ? figure_text(w.host_ms) : "", {{"class", "n"}});
    html.element("td", w.step_ms > 0 ? figure_text(1e3 / w.step_ms) : "", {{"class", "n"}});
    const auto cell = html.open("td");
    status_mark(html, w.equal);
  }
}

// One lane a queue; transfers are drawn in the second colour, waiting in the third.
std::string colour_of(const std::string& name) {
  if (name.starts_with("copy")) return "s1";
  return name.ends_with("_event") ? "s2" : "s0";
}

void timeline(Html& html, const std::vector<TimelineEntry>& entries) {
  const auto [first, last] =
      std::ranges::minmax(entries, {}, [](const TimelineEntry& e) { return e.begin_ms; });
  const double begin = first.begin_ms, end = std::max(last.end_ms, begin + 1e-6);
  const int lanes = 1 + std::ranges::max(entries, {}, &TimelineEntry::queue).queue;
  const double height = kTop + kLane * lanes + kAxis, scale = (kWidth - kLeft) / (end - begin);
  const auto figure = html.open("figure", {{"class", "plot"}});
  const auto svg = html.open("svg", {{"viewBox", fmt::format("0 0 {} {}", kWidth, height)}, {"role", "img"}});
  html.element("title", "Commands of each queue over time");
  for (int lane = 0; lane < lanes; ++lane) {
    html.element("text", fmt::format("queue {}", lane),
                 {{"x", "0"}, {"y", at(kTop + kLane * lane + kLane / 2)}, {"text-anchor", "start"}});
  }
  for (const TimelineEntry& e : entries) {
    // A command shorter than a pixel is still drawn as a quarter of one.
    const double width = std::max((e.end_ms - e.begin_ms) * scale, 0.25);
    const auto bar = html.open("rect", {{"class", "span " + colour_of(e.name)},
                                        {"x", at(kLeft + (e.begin_ms - begin) * scale)},
                                        {"y", at(kTop + kLane * e.queue + 4)},
                                        {"width", at(width)},
                                        {"height", at(kLane - 8)}});
    html.element("title", fmt::format("{} {} {:.3f} ms", e.name, e.path, e.end_ms - e.begin_ms));
  }
  const double every = std::pow(10.0, std::floor(std::log10(end - begin)));
  for (double t = 0; t <= end - begin; t += every) {
    html.element("text", fmt::format("{:g} ms", t),
                 {{"x", at(kLeft + t * scale)}, {"y", at(height - 8)}, {"text-anchor", "middle"}});
  }
}

}  // namespace

void queues_section(Html& html, const BringupReport& r) {
  const auto section = html.open("section", {{"id", "queues"}});
  html.element("h2", "Trace and queues");
  if (r.ways.empty()) return not_run(html, "comparison of eager, traced and queued steps", 6);
  html.element(
      "p",
      fmt::format("The same decode steps by other ways. The trace holds {} commands: {} of trace region, "
                  "{} of tensors between them.",
                  r.trace.commands, bytes_text(r.trace.region_bytes), bytes_text(r.trace.arena_bytes)));
  ways_table(html, r);
  if (r.timeline.empty()) return;
  html.element("h3", "Traced steps on two queues");
  html.element(
      "p",
      "Queue 1 writes a step's token and takes its result away while queue 0 computes. timeline.json "
      "beside this file opens in Perfetto.");
  timeline(html, r.timeline);
}

}  // namespace tessera::report
