#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "plan/html_figures.hpp"

namespace tessera::plan {
namespace {

using report::Html;

constexpr double kCellWidth = 118, kCellHeight = 28, kLeft = 110, kTop = 12;

std::string at(double value) {
  return fmt::format("{:.1f}", value);
}

// Powers of two up to the model's limit, and the limit.
std::vector<int> contexts_of(const Plan& plan) {
  const int limit = plan.facts.config.max_position_embeddings;
  std::vector<int> contexts;
  for (int c = std::min(512, limit); c < limit; c *= 2) contexts.push_back(c);
  contexts.push_back(limit);
  return contexts;
}

double rate_at(const Plan& plan, int batch, int context) {
  std::vector<OpWork> work = plan.decode_work;
  for (OpWork& op : work) {
    if (op.kind == OpWork::Kind::Attention) op.users = batch;
  }
  return 1e3 / decode_time(work, context - 1, plan.chosen.copies, chip_rates(*plan.sheet)).expected_ms;
}

}  // namespace

void map_section(Html& html, const Plan& plan) {
  const std::vector<int> contexts = contexts_of(plan);
  const double width = kLeft + kCellWidth * static_cast<double>(plan.limits.size()) + 10;
  const double height = kTop + kCellHeight * static_cast<double>(contexts.size()) + 76;
  const auto section = html.open("section", {{"id", "map"}});
  html.element("h2", "Context against batch");
  html.element("p",
               plan.has_speed()
                   ? "Green: fits; the figure is tokens a second of each user at the end of such a context."
                   : "Green: fits.");
  const auto figure = html.open("figure", {{"class", "plot map"}});
  const auto svg = html.open("svg", {{"viewBox", fmt::format("0 0 {} {}", at(width), at(height))},
                                     {"role", "img"},
                                     {"aria-label", "which context fits at which batch"}});
  const auto text = [&](double x, double y, const std::string& anchor, const std::string& css,
                        const std::string& what) {
    html.element("text", what, {{"x", at(x)}, {"y", at(y)}, {"text-anchor", anchor}, {"class", css}});
  };
  for (std::size_t row = 0; row < contexts.size(); ++row) {
    // The longest context on top.
    const int context = contexts[contexts.size() - 1 - row];
    const double y = kTop + kCellHeight * static_cast<double>(row);
    text(kLeft - 8, y + 18, "end", "label", fmt::format("{}", context));
    for (std::size_t column = 0; column < plan.limits.size(); ++column) {
      const BatchLimit& limit = plan.limits[column];
      const bool fits = context <= limit.context;
      const double x = kLeft + kCellWidth * static_cast<double>(column);
      html.empty("rect", {{"class", fits ? "fits" : "full"},
                          {"x", at(x + 1)},
                          {"y", at(y + 1)},
                          {"width", at(kCellWidth - 2)},
                          {"height", at(kCellHeight - 2)}});
      if (fits && plan.has_speed())
        text(x + kCellWidth / 2, y + 18, "middle", "cell",
             fmt::format("{:.1f}", rate_at(plan, limit.batch, context)));
      if (!fits) text(x + kCellWidth / 2, y + 18, "middle", "none", "full");
    }
  }
  const double below = kTop + kCellHeight * static_cast<double>(contexts.size());
  for (std::size_t column = 0; column < plan.limits.size(); ++column) {
    const double x = kLeft + kCellWidth * (static_cast<double>(column) + 0.5);
    const BatchLimit& limit = plan.limits[column];
    text(x, below + 18, "middle", "label", fmt::format("batch {}", limit.batch));
    text(x, below + 36, "middle", "label",
         limit.context == 0 ? "nothing fits" : fmt::format("up to {}", limit.context));
  }
  text(kLeft + kCellWidth * static_cast<double>(plan.limits.size()) / 2, below + 62, "middle", "label",
       "users of one copy, and the longest context of each");
}

}  // namespace tessera::plan
