// What the run took: equivalence of its ways, memory, speed.
#include <fmt/format.h>

#include <algorithm>

#include "report/figures.hpp"
#include "report/html_sections.hpp"

namespace tessera::report {
namespace {

struct Part {
  std::string_view name, css;
  std::int64_t bytes;
};

void bar(Html& html, const std::vector<Part>& parts, std::int64_t capacity) {
  const auto line = html.open("div", {{"class", "bar"}});
  for (const Part& part : parts) {
    if (part.bytes <= 0) continue;
    const double share = 100.0 * static_cast<double>(part.bytes) / static_cast<double>(capacity);
    html.element("div", "",
                 {{"class", std::string(part.css)}, {"style", fmt::format("width:{:.3f}%", share)}});
  }
}

void row(Html& html, std::string_view css, std::string_view name, const std::string& value) {
  const auto line = html.open("tr");
  {
    const auto cell = html.open("th", {{"scope", "row"}});
    if (!css.empty()) html.element("span", "", {{"class", fmt::format("swatch {}", css)}});
    html.text(name);
  }
  html.element("td", value, {{"class", "n"}});
}

}  // namespace

void equivalence_section(Html& html, const BringupReport& r) {
  const auto section = html.open("section", {{"id", "equivalence"}});
  html.element("h2", "Equivalence");
  if (r.equivalences.empty()) return not_run(html, "equivalence of prefill, decode, chunks and pages", 5);
  html.element("p", "The same tokens brought in by other ways, held against one prefill of the device.");
  const auto frame = html.open("div", {{"class", "scroll"}});
  const auto table = html.open("table");
  table_head(html, {"way", "compared", "PCC", "max abs", "rel L2", "ms", "bit for bit", "result"});
  const auto body = html.open("tbody");
  for (const Equivalence& e : r.equivalences) {
    const auto line = html.open("tr");
    html.element("td", e.name);
    html.element("td", e.what);
    // Token lists are equal or not; they have no PCC.
    html.element("td", e.what == "tokens" ? "" : pcc_text(e.pcc), {{"class", "n"}});
    html.element("td", e.what == "tokens" ? "" : figure_text(e.max_abs), {{"class", "n"}});
    html.element("td", e.what == "tokens" ? "" : figure_text(e.rel_l2), {{"class", "n"}});
    html.element("td", figure_text(e.ms), {{"class", "n"}});
    html.element("td", e.equal ? "equal" : "no");
    const auto cell = html.open("td");
    status_mark(html, e.pass);
  }
}

void memory_section(Html& html, const BringupReport& r) {
  const Memory& m = r.memory;
  const auto section = html.open("section", {{"id", "memory"}});
  html.element("h2", "Memory");
  if (m.weights_bytes == 0) {
    html.element("p", "Not measured: no phase was run.", {{"class", "absent"}});
    return;
  }
  const std::int64_t others = std::max<std::int64_t>(m.peak_bytes - m.weights_bytes - m.kv_bytes, 0);
  const std::int64_t capacity =
      std::max({m.device_capacity_bytes, m.peak_bytes, m.weights_bytes + m.kv_bytes});
  bar(html,
      {{"weights", "weights", m.weights_bytes}, {"KV cache", "kv", m.kv_bytes}, {"others", "others", others}},
      capacity);
  const auto table = html.open("table", {{"class", "config"}});
  const auto body = html.open("tbody");
  row(html, "weights", "weights", bytes_text(m.weights_bytes));
  row(html, "kv", "KV cache, one user", bytes_text(m.kv_bytes));
  if (m.peak_bytes > 0) {
    row(html, "others", "activations at the peak", bytes_text(others));
    row(html, "", "peak on the device, end to end", bytes_text(m.peak_bytes));
  }
  row(html, "", "peak on the device, all phases", bytes_text(m.ladder_peak_bytes));
  if (m.device_capacity_bytes > 0)
    row(html, "", "capacity of the device", bytes_text(m.device_capacity_bytes));
  row(html, "", "peak of the process, reference included", bytes_text(m.host_peak_bytes));
}

void performance_section(Html& html, const BringupReport& r) {
  const Performance& p = r.performance;
  const auto section = html.open("section", {{"id", "performance"}});
  html.element("h2", "Performance");
  if (p.prefill_tok_s <= 0 && p.decode_tok_s <= 0) return not_run(html, "measurement of speed", 5);
  const auto table = html.open("table", {{"class", "config"}});
  const auto body = html.open("tbody");
  row(html, "", "prefill", measured_text(p.prefill_tok_s, "tok/s"));
  row(html, "", "decode, one user", measured_text(p.decode_tok_s, "tok/s"));
  row(html, "", "time to first token", measured_text(p.ttft_ms, "ms"));
}

}  // namespace tessera::report
