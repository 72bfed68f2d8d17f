#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "plan/html_figures.hpp"
#include "report/figures.hpp"

namespace tessera::plan {
namespace {

using report::Html;

constexpr double kWidth = 960, kHeight = 420, kLeft = 74, kRight = 150, kTop = 14, kBottom = 44;
// Decades of the axes: FLOP a byte, TFLOPS.
constexpr double kFirstX = -1, kLastX = 4, kFirstY = -1, kLastY = 3;
// A product of two tiles.
constexpr double kTileFlops = 2.0 * kTileSize * kTileSize * kTileSize;

std::string at(double value) {
  return fmt::format("{:.1f}", value);
}

double x_of(double intensity) {
  const double part = (std::clamp(std::log10(intensity), kFirstX, kLastX) - kFirstX) / (kLastX - kFirstX);
  return kLeft + part * (kWidth - kLeft - kRight);
}
double y_of(double tflops) {
  const double part = (std::clamp(std::log10(tflops), kFirstY, kLastY) - kFirstY) / (kLastY - kFirstY);
  return kHeight - kBottom - part * (kHeight - kBottom - kTop);
}

// "layers.3.mlp.gate_proj" and its like in the other layers.
std::string kind_name(const OpWork& op) {
  std::string path = op.path;
  if (path.starts_with("layers.")) path = path.substr(path.find('.', 7) + 1);
  return op.kind == OpWork::Kind::Linear ? path : op.op;
}

struct Point {
  double flops = 0, bytes = 0, seconds = 0;
  int count = 0;
};

// What the op does as arithmetic, whatever its fidelity costs.
double flops_of(const OpWork& op, const StepContext& context) {
  if (op.kind == OpWork::Kind::Linear)
    return kTileFlops * static_cast<double>(op.row_tiles) * static_cast<double>(op.col_tiles) *
           static_cast<double>(op.inner_tiles);
  const double rows = static_cast<double>(op.rows);
  const double keys = context.decode
                          ? static_cast<double>(context.position + 1) * static_cast<double>(op.users)
                          : static_cast<double>(op.start) + (rows + 1) / 2;
  return 4 * rows * keys * static_cast<double>(op.heads * op.head_tiles * kTileSize);
}

std::map<std::string, Point> points_of(const std::vector<OpWork>& work, const StepContext& context,
                                       const ChipRates& rates) {
  std::map<std::string, Point> points;
  for (const OpWork& op : work) {
    if (op.kind != OpWork::Kind::Linear && op.kind != OpWork::Kind::Attention) continue;
    const OpTime time = time_op(op, context, rates, kFitted);
    Point& point = points[kind_name(op)];
    point.flops += flops_of(op, context);
    point.bytes += time.memory * rates.dram_bytes_s;
    point.seconds += time.real_transfer + (context.decode ? kFitted.op_us : kFitted.prefill_op_us) * 1e-6;
    ++point.count;
  }
  return points;
}

void line(Html& html, const char* css, double x1, double y1, double x2, double y2) {
  html.empty("line", {{"class", css}, {"x1", at(x1)}, {"y1", at(y1)}, {"x2", at(x2)}, {"y2", at(y2)}});
}

void text(Html& html, double x, double y, const char* anchor, const std::string& what) {
  html.element("text", what, {{"x", at(x)}, {"y", at(y)}, {"text-anchor", anchor}});
}

void axes(Html& html) {
  for (double d = kFirstX; d <= kLastX; ++d) {
    const double x = x_of(std::pow(10, d));
    line(html, "grid", x, kTop, x, kHeight - kBottom);
    text(html, x, kHeight - kBottom + 17, "middle", fmt::format("{:g}", std::pow(10, d)));
  }
  for (double d = kFirstY; d <= kLastY; ++d) {
    const double y = y_of(std::pow(10, d));
    line(html, "grid", kLeft, y, kWidth - kRight, y);
    text(html, kLeft - 8, y + 4, "end", fmt::format("{:g}", std::pow(10, d)));
  }
  text(html, (kLeft + kWidth - kRight) / 2, kHeight - 6, "middle",
       "floating-point operations a byte of DRAM");
  html.element("text", "TFLOPS of one chip",
               {{"x", "16"},
                {"y", at(kHeight / 2)},
                {"text-anchor", "middle"},
                {"transform", fmt::format("rotate(-90 16 {})", at(kHeight / 2))}});
}

void roofs(Html& html, const ChipRates& rates) {
  const double bandwidth = rates.dram_bytes_s / 1e12;  // TFLOPS at one operation a byte
  double highest = 0;
  for (const auto& [name, cycles] : {std::pair{"LoFi (bfloat4_b)", 16}, std::pair{"HiFi2 (bfloat8_b)", 32},
                                     std::pair{"HiFi4 (bfloat16)", 64}}) {
    const double roof = rates.cores * rates.clock_hz * kTileFlops / cycles / 1e12;
    highest = std::max(highest, roof);
    line(html, "roof", x_of(roof / bandwidth), y_of(roof), kWidth - kRight, y_of(roof));
    text(html, kWidth - kRight + 8, y_of(roof) + 4, "start", fmt::format("{} {:.0f}", name, roof));
  }
  const double low = std::pow(10, kFirstX);
  line(html, "roof", x_of(low), y_of(low * bandwidth), x_of(highest / bandwidth), y_of(highest));
  text(html, x_of(1.3), y_of(1.3 * bandwidth) - 12, "end",
       fmt::format("{:.0f} GB/s", rates.dram_bytes_s / 1e9));
}

using Labels = std::vector<std::pair<double, double>>;  // where they stand

void dots(Html& html, const char* mode, int series, const std::map<std::string, Point>& points,
          Labels& labels) {
  const auto group = html.open("g", {{"class", fmt::format("s{}", series)}});
  for (const auto& [name, p] : points) {
    const double tflops = p.flops / p.seconds / 1e12, intensity = p.flops / p.bytes;
    const double x = x_of(intensity), y = y_of(tflops);
    // Ops that lie on each other share the label of the first.
    const bool free = std::ranges::none_of(
        labels, [&](const auto& at) { return std::abs(at.first - x) < 150 && std::abs(at.second - y) < 14; });
    if (free) {
      labels.emplace_back(x, y);
      text(html, x + 11, y + 4, "start", name.substr(name.rfind('.') + 1));
    }
    const auto dot = html.open("circle", {{"class", "point"}, {"cx", at(x)}, {"cy", at(y)}, {"r", "6"}});
    html.element("title", fmt::format("{} {}: {} a byte, {} TFLOPS, {} ms in {} calls", mode, name,
                                      report::figure_text(intensity), report::figure_text(tflops),
                                      report::figure_text(p.seconds * 1e3), p.count));
  }
}

void table_of(Html& html, const char* mode, const std::map<std::string, Point>& points) {
  for (const auto& [name, p] : points) {
    const auto row = html.open("tr");
    html.element("td", mode);
    html.element("td", name);
    for (const std::string& value :
         {fmt::format("{}", p.count), report::figure_text(p.flops / p.bytes),
          report::figure_text(p.flops / p.seconds / 1e12), report::figure_text(p.bytes / p.seconds / 1e9),
          report::figure_text(p.seconds * 1e3)})
      html.element("td", value, {{"class", "n"}});
  }
}

}  // namespace

void roofline_section(Html& html, const Plan& plan) {
  const ChipRates rates = chip_rates(*plan.sheet);
  const auto decode = points_of(plan.decode_work, {true, plan.request.context - 1}, rates);
  const auto prefill = points_of(plan.prefill_work, {false, 0}, rates);
  const auto section = html.open("section", {{"id", "roofline"}});
  html.element("h2", "Roofline");
  html.element("p",
               "Where the time of the matmuls and of attention goes, one chip, expected efficiency and "
               "overhead of an op "
               "included: the distance to the roof is what the card loses. A decode step counts whole tiles: "
               "32 users cost "
               "what one does.");
  {
    const auto figure = html.open("figure", {{"class", "plot"}});
    {
      const auto legend = html.open("figcaption");
      html.element("span", "decode", {{"class", "key s0"}});
      html.element("span", fmt::format("prefill of {} tokens", plan.chosen.speed.padded),
                   {{"class", "key s1"}});
    }
    const auto svg = html.open("svg", {{"viewBox", fmt::format("0 0 {} {}", kWidth, kHeight)},
                                       {"role", "img"},
                                       {"aria-label", "roofline of the ops"}});
    axes(html);
    roofs(html, rates);
    Labels labels;
    dots(html, "decode", 0, decode, labels);
    dots(html, "prefill", 1, prefill, labels);
  }
  const auto details = html.open("details");
  html.element("summary", "The same in figures");
  const auto table = html.open("table");
  report::table_head(html, {"step", "op", "calls", "FLOP a byte", "TFLOPS", "GB/s", "ms in all"});
  const auto body = html.open("tbody");
  table_of(html, "decode", decode);
  table_of(html, "prefill", prefill);
}

}  // namespace tessera::plan
