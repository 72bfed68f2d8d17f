#include "verify/advise/html_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/figures.hpp"

namespace tessera::verify {
namespace {

using report::Html;

constexpr double kWidth = 960, kHeight = 420, kLeft = 74, kRight = 30, kTop = 24, kBottom = 44;
constexpr double kLeastKl = 1e-6;  // of a point that equals the reference

std::string at(double value) {
  return fmt::format("{:.1f}", value);
}

void text(Html& html, double x, double y, const char* anchor, const std::string& what) {
  html.element("text", what, {{"x", at(x)}, {"y", at(y)}, {"text-anchor", anchor}});
}

void line(Html& html, double x1, double y1, double x2, double y2) {
  html.empty("line", {{"class", "grid"}, {"x1", at(x1)}, {"y1", at(y1)}, {"x2", at(x2)}, {"y2", at(y2)}});
}

// Nats on a log axis. An infinite KL (logits that are no numbers) stands at the edge.
double log_kl(const Point& p) {
  return std::clamp(std::log10(std::max(p.score.kl, kLeastKl)), -6.0, 2.0);
}

// The scales of the front.
struct Scales {
  double first_x = 0, last_x = 1, first_y = 0, last_y = 1;

  explicit Scales(const std::vector<Point>& points) {
    const auto [slow, quick] =
        std::ranges::minmax(points, {}, [](const Point& p) { return p.cost.decode_tok_s; });
    const double room = std::max(0.05 * (quick.cost.decode_tok_s - slow.cost.decode_tok_s), 0.5);
    first_x = slow.cost.decode_tok_s - room;
    last_x = quick.cost.decode_tok_s + room;
    const auto [good, bad] = std::ranges::minmax(points, {}, log_kl);
    first_y = std::floor(log_kl(good));
    last_y = std::max(std::ceil(log_kl(bad)), first_y + 1);
  }
  double x(const Point& p) const {
    return kLeft + (p.cost.decode_tok_s - first_x) / (last_x - first_x) * (kWidth - kLeft - kRight);
  }
  double y(double log10_kl) const {
    return kHeight - kBottom - (log10_kl - first_y) / (last_y - first_y) * (kHeight - kBottom - kTop);
  }
  double y(const Point& p) const { return y(log_kl(p)); }
};

void axes(Html& html, const Scales& scales) {
  for (double d = scales.first_y; d <= scales.last_y; ++d) {
    line(html, kLeft, scales.y(d), kWidth - kRight, scales.y(d));
    text(html, kLeft - 8, scales.y(d) + 4, "end", fmt::format("{:g}", std::pow(10, d)));
  }
  constexpr int kTicks = 6;
  for (int i = 0; i <= kTicks; ++i) {
    const double part = static_cast<double>(i) / kTicks, x = kLeft + part * (kWidth - kLeft - kRight);
    line(html, x, kTop, x, kHeight - kBottom);
    text(html, x, kHeight - kBottom + 17, "middle",
         fmt::format("{:.1f}", scales.first_x + part * (scales.last_x - scales.first_x)));
  }
  text(html, (kLeft + kWidth - kRight) / 2, kHeight - 6, "middle",
       "predicted decode, tokens a second and user");
  text(html, kLeft, kTop - 9, "middle", "KL, nats");
}

void join_front(Html& html, const std::vector<Point>& points, const Scales& scales) {
  std::vector<const Point*> front;
  for (const Point& p : points) {
    if (p.on_front) front.push_back(&p);
  }
  std::ranges::sort(front, {}, [](const Point* p) { return p->cost.decode_tok_s; });
  std::string path;
  for (const Point* p : front) path += fmt::format("{:.1f},{:.1f} ", scales.x(*p), scales.y(*p));
  const auto group = html.open("g", {{"class", "series s0"}});
  html.empty("polyline", {{"points", path}});
}

std::string hover(const Point& p) {
  return fmt::format("{}: KL {}, top-1 {}, top-5 {}, {}, {:.1f} t/s/user", p.name,
                     report::figure_text(p.score.kl), report::percent_text(p.score.top1),
                     report::percent_text(p.score.top5), report::bytes_text(p.cost.needed_bytes),
                     p.cost.decode_tok_s);
}

// From pale to full with the logarithm of what is added, over three decades below the worst.
double depth(double added, double worst) {
  if (added <= 0 || worst <= 0) return 0;
  return std::clamp(1 + std::log10(added / worst) / 3, 0.0, 1.0);
}

}  // namespace

void front_figure(Html& html, const Advice& a) {
  const Scales scales(a.points);
  const auto figure = html.open("figure", {{"class", "plot"}});
  {
    const auto caption = html.open("figcaption");
    html.element("span", "on the front", {{"class", "key s0"}});
    html.element("span", "beaten by another", {{"class", "key s1"}});
  }
  const auto svg = html.open("svg", {{"viewBox", fmt::format("0 0 {} {}", kWidth, kHeight)},
                                     {"role", "img"},
                                     {"aria-label", "accuracy against speed"}});
  axes(html, scales);
  join_front(html, a.points, scales);
  for (std::size_t i = 0; i < a.points.size(); ++i) {
    const Point& p = a.points[i];
    if (a.chosen == i)
      html.empty("circle",
                 {{"class", "chosen"}, {"cx", at(scales.x(p))}, {"cy", at(scales.y(p))}, {"r", "11"}});
    const auto group = html.open("g", {{"class", p.on_front ? "s0" : "s1"}});
    const auto dot = html.open(
        "circle", {{"class", "point"}, {"cx", at(scales.x(p))}, {"cy", at(scales.y(p))}, {"r", "6"}});
    html.element("title", hover(p));
  }
}

void layers_figure(Html& html, const Advice& a) {
  constexpr double kRow = 30, kNames = 90, kHead = 20;
  const double cell = std::min(40.0, (kWidth - kNames) / a.layer_count);
  const double worst = std::ranges::max_element(a.layers, {}, &LayerSensitivity::added_kl)->added_kl;
  const auto figure = html.open("figure", {{"class", "plot"}});
  const auto svg =
      html.open("svg", {{"viewBox", fmt::format("0 0 {} {}", kWidth, kHead + kRow * kLayerGroups.size())},
                        {"role", "img"},
                        {"aria-label", "added KL by layer and group"}});
  const int every = std::max(1, static_cast<int>(std::ceil(26 / cell)));
  for (int i = 0; i < a.layer_count; i += every)
    text(html, kNames + (i + 0.5) * cell, kHead - 7, "middle", fmt::format("{}", i));
  for (std::size_t row = 0; row < kLayerGroups.size(); ++row)
    text(html, kNames - 8, kHead + (static_cast<double>(row) + 0.65) * kRow, "end",
         std::string(to_string(kLayerGroups[row])));
  for (const LayerSensitivity& c : a.layers) {
    const auto row = static_cast<double>(std::ranges::find(kLayerGroups, c.group) - kLayerGroups.begin());
    const auto rect =
        html.open("rect", {{"class", "heat"},
                           {"x", at(kNames + c.layer * cell)},
                           {"y", at(kHead + row * kRow)},
                           {"width", at(cell - 1)},
                           {"height", at(kRow - 1)},
                           {"fill-opacity", fmt::format("{:.3f}", 0.06 + 0.94 * depth(c.added_kl, worst))}});
    html.element("title", fmt::format("layer {} {}: {:+.2e} nats", c.layer, to_string(c.group), c.added_kl));
  }
}

}  // namespace tessera::verify
