// Trace and command queues: what each way of decoding costs, and a few steps on the queues' time line.
#include <fmt/format.h>

#include <algorithm>
#include <array>
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

// What a lane shows, in the order in which it is drawn: transfers are short and must not be hidden.
constexpr std::array<const char*, 3> kLegend{"waiting for an event", "ops", "transfers"};
constexpr std::array<const char*, 3> kClass{"s2", "s0", "s1"};

std::size_t kind_of(const std::string& name) {
  if (name.ends_with("_event")) return 0;
  return name.starts_with("copy_to_") ? 2 : 1;
}

void bar(Html& html, const TimelineEntry& e, double x, double width) {
  const std::size_t kind = kind_of(e.name);
  // A command shorter than a pixel is still drawn: a transfer so that it is seen, an op so that many of them
  // fill the lane.
  const double least = kind == 2 ? 3 : 0.25, inset = kind == 0 ? kLane / 2 - 3 : 4;
  const auto rect = html.open("rect", {{"class", fmt::format("span {}", kClass[kind])},
                                       {"x", at(x)},
                                       {"y", at(kTop + kLane * e.queue + inset)},
                                       {"width", at(std::max(width, least))},
                                       {"height", at(kLane - 2 * inset)}});
  html.element("title", fmt::format("{} {} {:.3f} ms", e.name, e.path, e.end_ms - e.begin_ms));
}

void timeline(Html& html, const std::vector<TimelineEntry>& entries) {
  const double begin = std::ranges::min(entries, {}, &TimelineEntry::begin_ms).begin_ms;
  const double end = std::max(std::ranges::max(entries, {}, &TimelineEntry::end_ms).end_ms, begin + 1e-6);
  const int lanes = 1 + std::ranges::max(entries, {}, &TimelineEntry::queue).queue;
  const double height = kTop + kLane * lanes + kAxis, scale = (kWidth - kLeft) / (end - begin);
  const auto figure = html.open("figure", {{"class", "plot"}});
  {
    const auto legend = html.open("figcaption");
    for (std::size_t kind = 0; kind < kLegend.size(); ++kind)
      html.element("span", kLegend[kind], {{"class", fmt::format("key {}", kClass[kind])}});
  }
  const auto svg = html.open("svg", {{"viewBox", fmt::format("0 0 {} {}", kWidth, height)}, {"role", "img"}});
  html.element("title", "Commands of each queue over time");
  for (int lane = 0; lane < lanes; ++lane) {
    html.element("text", fmt::format("queue {}", lane),
                 {{"x", "0"}, {"y", at(kTop + kLane * lane + kLane / 2)}, {"text-anchor", "start"}});
  }
  for (std::size_t kind = 0; kind < kLegend.size(); ++kind) {
    for (const TimelineEntry& e : entries) {
      if (kind_of(e.name) == kind)
        bar(html, e, kLeft + (e.begin_ms - begin) * scale, (e.end_ms - e.begin_ms) * scale);
    }
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
