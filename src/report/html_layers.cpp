// PCC of the hidden states, layer by layer, for decode and prefill.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "report/figures.hpp"
#include "report/html_sections.hpp"
#include "report/plot.hpp"

namespace tessera::report {
namespace {

PlotSeries& series_of(Plot& plot, const std::string& name) {
  const auto found = std::ranges::find(plot.series, name, &PlotSeries::name);
  if (found != plot.series.end()) return *found;
  plot.series.push_back({name, {}});
  return plot.series.back();
}

Plot layers_plot(const std::vector<LayerResult>& layers) {
  Plot plot;
  plot.title = "PCC of the hidden states by layer";
  plot.x_title = "layer";
  plot.y_title = "PCC";
  const double threshold = layers.front().threshold;
  plot.threshold = {nines(threshold), fmt::format("needs {:g}", threshold)};
  double least = nines(threshold), largest = least;
  std::map<int, std::string> hovers;
  for (const LayerResult& l : layers) {
    const double y = nines(l.pcc);
    series_of(plot, l.mode).points.push_back({static_cast<double>(l.layer), y, l.pass ? "" : "miss far"});
    least = std::min(least, y);
    largest = std::max(largest, y);
    plot.x_last = std::max(plot.x_last, static_cast<double>(l.layer));
    std::string& text = hovers[l.layer];
    if (text.empty()) text = fmt::format("layer {}", l.layer);
    text += fmt::format("\n{}: PCC {}, rel L2 {}, token {} {}", l.mode, pcc_text(l.pcc),
                        figure_text(l.rel_l2), l.worst_token, figure_text(l.worst_token_rel_l2));
  }
  plot.y_ticks = nines_ticks(least, largest);
  for (const auto& [layer, text] : hovers) plot.hovers.emplace_back(layer, text);
  return plot;
}

}  // namespace

void layers_section(Html& html, const BringupReport& r) {
  const auto section = html.open("section", {{"id", "layers"}});
  html.element("h2", "Layers");
  if (r.layers.empty()) return not_run(html, "comparison layer by layer", 4);
  html.element(
      "p",
      "Hidden states after each layer on a forced text, held against the reference. Each step of the "
      "axis is one nine: higher is better, errors of earlier layers are inherited. Every token counts alike; "
      "the plain PCC is of the values as they are, which one large token may decide.");
  draw_plot(html, layers_plot(r.layers));
  const auto details = html.open("details");
  html.element("summary", fmt::format("{} rows", r.layers.size()));
  const auto frame = html.open("div", {{"class", "scroll"}});
  const auto table = html.open("table");
  table_head(html, {"mode", "layer", "PCC", "plain PCC", "max abs", "rel L2", "worst token", "its rel L2",
                    "ms", "needs", "result", "note"});
  const auto body = html.open("tbody");
  for (const LayerResult& l : r.layers) {
    const auto row = html.open("tr");
    html.element("td", l.mode);
    html.element("td", std::to_string(l.layer), {{"class", "n"}});
    html.element("td", pcc_text(l.pcc), {{"class", "n"}});
    html.element("td", pcc_text(l.plain_pcc), {{"class", "n"}});
    html.element("td", figure_text(l.max_abs), {{"class", "n"}});
    html.element("td", figure_text(l.rel_l2), {{"class", "n"}});
    html.element("td", std::to_string(l.worst_token), {{"class", "n"}});
    html.element("td", figure_text(l.worst_token_rel_l2), {{"class", "n"}});
    html.element("td", figure_text(l.ms), {{"class", "n"}});
    html.element("td", fmt::format("{:g}", l.threshold), {{"class", "n"}});
    {
      const auto cell = html.open("td");
      status_mark(html, l.pass);
    }
    html.element("td", l.note);
  }
}

}  // namespace tessera::report
