// Token by token: agreement, KL, and the disagreements with their margins.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/figures.hpp"
#include "report/html_sections.hpp"
#include "report/plot.hpp"
#include "report/visible_text.hpp"

namespace tessera::report {
namespace {

// Below this two distributions are the same to any reader; 0 has no logarithm.
constexpr double kLeastKl = 1e-7;

double log_kl(double kl) {
  return std::isfinite(kl) ? std::log10(std::max(kl, kLeastKl)) : 2.0;
}

std::string quoted(const std::string& token) {
  return "\u201C" + visible_text(token, Breaks::Show) + "\u201D";
}

std::string mark_of(const TokenResult& t) {
  if (t.top1) return "";
  return t.top5 ? "miss" : "miss far";
}

std::string hover_text(std::size_t position, const TokenResult& t) {
  std::string text = fmt::format("position {}: {}\nKL {}", position, quoted(t.text), figure_text(t.kl));
  if (!t.top1) {
    text +=
        fmt::format("\nreference {}, device {} {}\nmargin {}{}", t.reference, t.device, quoted(t.device_text),
                    figure_text(t.margin), t.top5 ? "" : "\nnot among the reference's top five");
  }
  return text;
}

Plot tokens_plot(const Accuracy& a) {
  Plot plot;
  plot.title = fmt::format("KL divergence per token, {} text", a.text);
  plot.x_title = "position";
  plot.y_title = "KL divergence";
  plot.stems = true;
  plot.x_last = static_cast<double>(a.positions.size()) - 1;
  plot.series.push_back({"KL", {}});
  double least = 2, largest = std::log10(kLeastKl);
  for (std::size_t i = 0; i < a.positions.size(); ++i) {
    const TokenResult& t = a.positions[i];
    const auto x = static_cast<double>(i);
    const double y = log_kl(t.kl);
    plot.series[0].points.push_back({x, y, mark_of(t)});
    plot.hovers.emplace_back(x, hover_text(i, t));
    least = std::min(least, y);
    largest = std::max(largest, y);
  }
  plot.y_ticks = decade_ticks(least, largest);
  return plot;
}

void tile(Html& html, std::string_view name, const std::string& value) {
  const auto pair = html.open("div");
  html.element("dt", name);
  html.element("dd", value);
}

void disagreements(Html& html, const Accuracy& a) {
  const auto misses = std::ranges::count(a.positions, false, &TokenResult::top1);
  if (misses == 0)
    return html.element("p", "The device's first choice is the reference's at every position.");
  const auto details = html.open("details");
  html.element("summary", fmt::format("{} disagreement{}", misses, misses == 1 ? "" : "s"));
  const auto frame = html.open("div", {{"class", "scroll"}});
  const auto table = html.open("table");
  table_head(html, {"position", "reference", "device", "margin", "KL", "in top five"});
  const auto body = html.open("tbody");
  for (std::size_t i = 0; i < a.positions.size(); ++i) {
    const TokenResult& t = a.positions[i];
    if (t.top1) continue;
    const auto row = html.open("tr");
    html.element("td", std::to_string(i), {{"class", "n"}});
    html.element("td", fmt::format("{} {}", t.reference, quoted(t.text)));
    html.element("td", fmt::format("{} {}", t.device, quoted(t.device_text)));
    html.element("td", figure_text(t.margin), {{"class", "n"}});
    html.element("td", figure_text(t.kl), {{"class", "n"}});
    html.element("td", t.top5 ? "yes" : "no");
  }
}

}  // namespace

void accuracy_section(Html& html, const BringupReport& r) {
  const auto section = html.open("section", {{"id", "tokens"}});
  html.element("h2", "Tokens");
  if (r.accuracy.empty()) return not_run(html, "token comparison", 4);
  html.element("p",
               "Both sides read the same tokens; at each position the device's first choice is looked for in "
               "the reference's list. Marked: it is not the reference's first choice. The margin is by how "
               "much the reference's logits prefer their own.");
  for (const Accuracy& a : r.accuracy) {
    html.element("h3", fmt::format("{} tokens, {} text", a.tokens, a.text));
    {
      const auto tiles = html.open("dl", {{"class", "tiles"}});
      tile(html, "top-1", percent_text(a.top1));
      tile(html, "top-5", percent_text(a.top5));
      tile(html, "KL mean", figure_text(a.kl_mean));
      tile(html, "KL largest", figure_text(a.kl_max));
      tile(html, "logits PCC", pcc_text(a.final_pcc));
      tile(html, "logits max abs", figure_text(a.max_abs));
      tile(html, "logits rel L2", figure_text(a.rel_l2));
      tile(html, "device time", measured_text(a.ms, "ms"));
    }
    {
      const auto result = html.open("p");
      status_mark(html, a.pass);
      if (!a.note.empty()) html.text(" " + a.note);
    }
    if (a.positions.empty()) continue;
    draw_plot(html, tokens_plot(a));
    disagreements(html, a);
  }
}

}  // namespace tessera::report
