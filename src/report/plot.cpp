#include "report/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace tessera::report {
namespace {

constexpr double kWidth = 960, kHeight = 270;
constexpr double kLeft = 74, kRight = 14, kTop = 12, kBottom = 42;

std::string at(double value) {
  return fmt::format("{:.1f}", value);
}

// Where data stands on the drawing.
class Scale {
 public:
  explicit Scale(const Plot& plot)
      : x_last_(std::max(plot.x_last, 1.0)),
        low_(plot.y_ticks.front().first),
        high_(plot.y_ticks.back().first) {}
  double step() const { return (kWidth - kLeft - kRight) / (x_last_ + 1); }
  double x(double value) const { return kLeft + (value + 0.5) * step(); }
  double y(double value) const {
    const double part = (std::clamp(value, low_, high_) - low_) / (high_ - low_);
    return kHeight - kBottom - part * (kHeight - kBottom - kTop);
  }

 private:
  double x_last_, low_, high_;
};

void draw_line(Html& html, const std::string& css, double x1, double y1, double x2, double y2) {
  html.empty("line", {{"class", css}, {"x1", at(x1)}, {"y1", at(y1)}, {"x2", at(x2)}, {"y2", at(y2)}});
}

void draw_text(Html& html, const std::string& anchor, double x, double y, const std::string& text) {
  html.element("text", text, {{"x", at(x)}, {"y", at(y)}, {"text-anchor", anchor}});
}

void draw_axes(Html& html, const Plot& plot, const Scale& scale) {
  for (const auto& [value, label] : plot.y_ticks) {
    draw_line(html, "grid", kLeft, scale.y(value), kWidth - kRight, scale.y(value));
    draw_text(html, "end", kLeft - 8, scale.y(value) + 4, label);
  }
  double every = 1;
  // 1, 2, 5, 10, ...: at most 21 labels fit side by side.
  for (int i = 0; plot.x_last / every > 20; ++i) every *= i % 3 == 1 ? 2.5 : 2;
  for (double x = 0; x <= plot.x_last; x += every)
    draw_text(html, "middle", scale.x(x), kHeight - kBottom + 17, fmt::format("{:g}", x));
  draw_text(html, "middle", (kLeft + kWidth - kRight) / 2, kHeight - 6, plot.x_title);
  const std::string turn = fmt::format("rotate(-90 14 {})", at((kTop + kHeight - kBottom) / 2));
  html.element("text", plot.y_title,
               {{"x", "14"},
                {"y", at((kTop + kHeight - kBottom) / 2)},
                {"text-anchor", "middle"},
                {"transform", turn}});
}

void draw_series(Html& html, const Plot& plot, const Scale& scale, std::size_t index) {
  const PlotSeries& series = plot.series[index];
  const auto group = html.open("g", {{"class", fmt::format("series s{}", index)}});
  if (!plot.stems) {
    std::string path;
    for (const PlotPoint& p : series.points) path += at(scale.x(p.x)) + ',' + at(scale.y(p.y)) + ' ';
    html.empty("polyline", {{"points", path}});
  }
  for (const PlotPoint& p : series.points) {
    const std::string css = p.mark.empty() ? "point" : "point " + p.mark;
    if (plot.stems) draw_line(html, css, scale.x(p.x), kHeight - kBottom, scale.x(p.x), scale.y(p.y));
    // A dot on each of hundreds of stems would hide the few that matter.
    if (!plot.stems || !p.mark.empty()) {
      html.empty("circle", {{"class", css}, {"cx", at(scale.x(p.x))}, {"cy", at(scale.y(p.y))}, {"r", "3"}});
    }
  }
}

}  // namespace

void draw_plot(Html& html, const Plot& plot) {
  const Scale scale(plot);
  const auto figure = html.open("figure", {{"class", "plot"}});
  if (plot.series.size() > 1) {
    const auto legend = html.open("figcaption");
    for (std::size_t i = 0; i < plot.series.size(); ++i)
      html.element("span", plot.series[i].name, {{"class", fmt::format("key s{}", i)}});
  }
  const auto svg = html.open(
      "svg",
      {{"viewBox", fmt::format("0 0 {} {}", kWidth, kHeight)}, {"role", "img"}, {"aria-label", plot.title}});
  draw_axes(html, plot, scale);
  if (plot.threshold) {
    const double y = scale.y(plot.threshold->first);
    draw_line(html, "threshold", kLeft, y, kWidth - kRight, y);
    html.element(
        "text", plot.threshold->second,
        {{"class", "threshold"}, {"x", at(kWidth - kRight)}, {"y", at(y - 4)}, {"text-anchor", "end"}});
  }
  for (std::size_t i = 0; i < plot.series.size(); ++i) draw_series(html, plot, scale, i);
  for (const auto& [x, text] : plot.hovers) {
    const auto area = html.open("rect", {{"class", "hover"},
                                         {"x", at(scale.x(x) - scale.step() / 2)},
                                         {"y", at(kTop)},
                                         {"width", at(scale.step())},
                                         {"height", at(kHeight - kTop - kBottom)}});
    html.element("title", text);
  }
}

double nines(double pcc) {
  if (!std::isfinite(pcc) || pcc <= 0) return 0;
  return std::min(7.0, -std::log10(std::max(1 - pcc, 1e-7)));
}

std::vector<std::pair<double, std::string>> nines_ticks(double least, double largest) {
  constexpr std::array<const char*, 8> kLabels{"0",      "0.9",     "0.99",     "0.999",
                                               "0.9999", "0.99999", "0.999999", "1"};
  const int first = std::clamp(static_cast<int>(std::floor(least)), 0, 6);
  const int last = std::clamp(static_cast<int>(std::ceil(largest)), first + 1, 7);
  std::vector<std::pair<double, std::string>> ticks;
  for (int i = first; i <= last; ++i) ticks.emplace_back(i, kLabels[static_cast<std::size_t>(i)]);
  return ticks;
}

std::vector<std::pair<double, std::string>> decade_ticks(double least, double largest) {
  const int first = static_cast<int>(std::floor(least));
  const int last = std::max(static_cast<int>(std::ceil(largest)), first + 1);
  std::vector<std::pair<double, std::string>> ticks;
  for (int i = first; i <= last; ++i) ticks.emplace_back(i, fmt::format("{:g}", std::pow(10.0, i)));
  return ticks;
}

}  // namespace tessera::report
