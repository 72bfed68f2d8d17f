#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "plan/html_figures.hpp"
#include "report/figures.hpp"

namespace tessera::plan {
namespace {

using report::bytes_text;
using report::Html;

struct Part {
  std::string_view name, css;
  std::int64_t bytes;
};

std::vector<Part> parts_of(const MemoryUse& m) {
  return {{"weights", "weights", m.weights},        {"KV cache", "kv", m.kv_cache},
          {"rotary tables", "tables", m.tables},    {"decode trace", "trace", m.trace},
          {"activations", "others", m.activations}, {"gaps between blocks", "gaps", m.needed - m.peak}};
}

void bar(Html& html, const std::vector<Part>& parts, std::int64_t whole, std::int64_t capacity) {
  const auto share = [&](std::int64_t bytes) {
    return 100.0 * static_cast<double>(bytes) / static_cast<double>(whole);
  };
  const auto line = html.open("div", {{"class", "bar"}});
  for (const Part& part : parts) {
    if (part.bytes <= 0) continue;
    html.element("div", "",
                 {{"class", std::string(part.css)},
                  {"style", fmt::format("width:{:.3f}%", share(part.bytes))},
                  {"title", fmt::format("{} {}", part.name, bytes_text(part.bytes))}});
  }
  html.element("div", "", {{"class", "edge"}, {"style", fmt::format("left:{:.3f}%", share(capacity))}});
}

}  // namespace

void memory_section(Html& html, const Plan& plan) {
  const Layout& l = plan.chosen;
  const std::vector<Part> parts = parts_of(l.memory);
  const std::int64_t whole = std::max(l.capacity, l.memory.needed);
  const auto section = html.open("section", {{"id", "memory"}});
  html.element("h2", "Memory");
  html.element(
      "p", fmt::format(
               "DRAM of {}; the red line is its end.",
               plan.sheet->chips == 1 ? "the chip" : fmt::format("each of the {} chips", plan.sheet->chips)));
  {
    const auto chips = html.open("div", {{"class", "chips"}});
    for (int chip = 0; chip < plan.sheet->chips; ++chip) {
      const auto one = html.open("div");
      if (plan.sheet->chips > 1)
        html.element("small", fmt::format("chip {}, copy {}", chip, chip / l.tensor_parallel));
      bar(html, parts, whole, l.capacity);
    }
  }
  const auto table = html.open("table");
  report::table_head(html, {"", "of a chip", "share", "of a bank", "all chips"});
  const auto body = html.open("tbody");
  const auto row = [&](std::string_view name, std::string_view css, std::int64_t bytes) {
    const auto line = html.open("tr");
    {
      const auto cell = html.open("th", {{"scope", "row"}});
      if (!css.empty()) html.element("span", "", {{"class", fmt::format("swatch {}", css)}});
      html.text(name);
    }
    for (const std::string& text :
         {bytes_text(bytes),
          report::percent_text(100.0 * static_cast<double>(bytes) / static_cast<double>(l.capacity)),
          bytes_text(bytes / l.memory.banks), bytes_text(bytes * plan.sheet->chips)})
      html.element("td", text, {{"class", "n"}});
  };
  for (const Part& part : parts) row(part.name, part.css, part.bytes);
  row("needed", "", l.memory.needed);
  row("there is", "", l.capacity);
}

}  // namespace tessera::plan
