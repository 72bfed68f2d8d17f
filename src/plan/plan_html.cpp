#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "plan/html_figures.hpp"
#include "plan/layouts.hpp"
#include "plan/plan_output.hpp"
#include "plan/presets.hpp"
#include "report/figures.hpp"
#include "report/html.hpp"
#include "report/page.hpp"

namespace tessera::plan {
namespace {

using report::bytes_text;
using report::Html;

// Without the folders that lead to it.
std::string short_name(const std::string& model) {
  std::filesystem::path path(model);
  if (path.filename() == "config.json") path = path.parent_path();
  return path.filename().empty() ? model : path.filename().string();
}

void tile(Html& html, std::string_view name, const std::string& value) {
  const auto cell = html.open("div");
  html.element("dt", name);
  html.element("dd", value);
}

void header(Html& html, const Plan& plan) {
  const PlanRequest& r = plan.request;
  const Layout& l = plan.chosen;
  html.element("h1", fmt::format("{} on {}", short_name(r.model), plan.sheet->name));
  {
    const auto verdict = html.open("p", {{"class", "verdict"}});
    html.element("span", l.fits() ? "fits" : "does not fit",
                 {{"class", l.fits() ? "mark pass" : "mark fail"}});
    html.text(l.fits() ? fmt::format(" {} free on each chip", bytes_text(l.free()))
                       : fmt::format(" {} too much on each chip", bytes_text(-l.free())));
  }
  const auto list = html.open("dl", {{"class", "facts"}});
  tile(html, "parameters",
       fmt::format("{:.2f} B, {}", plan.parameters / 1e9, plan.facts.config.architecture));
  tile(html, "parallelism", describe(l));
  tile(html, "batch and context", fmt::format("{} users, {} positions", r.batch, r.context));
  tile(html, "precision of the memory", fmt::format("{}: {}", r.precision, describe(plan.precision)));
  if (!plan.has_speed()) return;
  const Speed& s = l.speed;
  tile(html, "decode",
       fmt::format("{:.1f} t/s/user (roofline {:.1f})", 1e3 / s.decode.expected_ms, 1e3 / s.decode.ideal_ms));
  tile(html, "time to first token",
       fmt::format("{:.0f} ms for {} tokens", s.first_token.expected_ms, r.prompt));
  tile(html, "precision of the speed",
       fmt::format("{}: {}", plan.speed_precision.name, describe(plan.speed_precision)));
}

void layouts_section(Html& html, const Plan& plan) {
  if (plan.layouts.size() < 2) return;
  const auto section = html.open("section", {{"id", "layouts"}});
  html.element("h2", "Ways to use the chips");
  const auto frame = html.open("div", {{"class", "scroll"}});
  const auto table = html.open("table");
  report::table_head(
      html, {"chips a copy", "copies", "fits", "free on each chip", "t/s/user", "t/s in all", "TTFT"});
  const auto body = html.open("tbody");
  for (const Layout& l : plan.layouts) {
    const auto line = html.open("tr");
    const double rate = plan.has_speed() ? 1e3 / l.speed.decode.expected_ms : 0;
    const auto number = [&](const std::string& text) { html.element("td", text, {{"class", "n"}}); };
    number(fmt::format("{}", l.tensor_parallel));
    number(fmt::format("{}", l.copies));
    html.element("td", l.fits() ? "yes" : "no");
    number(l.fits() ? bytes_text(l.free()) : fmt::format("-{}", bytes_text(-l.free())));
    number(plan.has_speed() && l.fits() ? fmt::format("{:.1f}", rate) : "");
    number(plan.has_speed() && l.fits() ? fmt::format("{:.0f}", rate * plan.request.batch * l.copies) : "");
    number(plan.has_speed() && l.fits() ? fmt::format("{:.0f} ms", l.speed.first_token.expected_ms) : "");
  }
}

void advice_section(Html& html, const Plan& plan) {
  const auto section = html.open("section", {{"id", "advice"}});
  html.element("h2", "Advice");
  const auto list = html.open("ul");
  for (const std::string& advice : plan.advice) html.element("li", advice);
}

constexpr std::string_view kStyle = R"(
.chips { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 34rem), 1fr)); gap: 0 1.5rem; }
.chips .bar { position: relative; margin: 0.25rem 0; }
.tables { background: #7b8794; } .trace { background: #b3476f; } .gaps { background: #c9b458; }
.bar .edge { position: absolute; top: -2px; bottom: -2px; width: 0; min-width: 0; border-left: 2px solid var(--fail); background: none; }
.plot .roof { stroke: var(--soft); stroke-width: 1.5; fill: none; }
.plot circle.point { fill: var(--hue); fill-opacity: 0.75; stroke: var(--ground); }
.map rect.fits { fill: var(--pass); } .map rect.full { fill: var(--line); } .map rect.mine { fill: none; stroke: var(--ink); stroke-width: 2; }
.map text.cell { fill: var(--ground); } .map text.none { fill: var(--soft); }
)";

}  // namespace

std::string plan_html(const Plan& plan) {
  Html body;
  header(body, plan);
  memory_section(body, plan);
  map_section(body, plan);
  if (plan.has_speed()) roofline_section(body, plan);
  layouts_section(body, plan);
  advice_section(body, plan);
  return report::still_page(fmt::format("{} on {}: plan", short_name(plan.request.model), plan.sheet->name),
                            kStyle, body.str());
}

}  // namespace tessera::plan
