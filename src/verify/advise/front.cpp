#include "verify/advise/front.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <tuple>

namespace tessera::verify {
namespace {

// Largest first: what a choice looks at.
auto merit(const Point& p) {
  return std::tuple(p.cost.decode_tok_s, -p.cost.needed_bytes, -p.cost.ttft_ms, -p.score.kl);
}

}  // namespace

bool Target::met_by(const Score& score) const {
  return score.top1 >= top1.value_or(0) && score.top5 >= top5.value_or(0) && (!kl || score.kl <= *kl);
}

std::string describe(const Target& target) {
  std::vector<std::string> parts;
  if (target.top1) parts.push_back(fmt::format("top-1 >= {:g} %", *target.top1));
  if (target.top5) parts.push_back(fmt::format("top-5 >= {:g} %", *target.top5));
  if (target.kl) parts.push_back(fmt::format("KL <= {:.3g}", *target.kl));
  return fmt::format("{}", fmt::join(parts, " and "));
}

bool dominates(const Point& a, const Point& b) {
  const bool no_worse = a.score.kl <= b.score.kl && a.cost.decode_tok_s >= b.cost.decode_tok_s &&
                        a.cost.needed_bytes <= b.cost.needed_bytes && a.cost.ttft_ms <= b.cost.ttft_ms;
  const bool better = a.score.kl < b.score.kl || a.cost.decode_tok_s > b.cost.decode_tok_s ||
                      a.cost.needed_bytes < b.cost.needed_bytes || a.cost.ttft_ms < b.cost.ttft_ms;
  return no_worse && better;
}

void mark_front(std::vector<Point>& points) {
  for (Point& p : points)
    p.on_front = std::ranges::none_of(points, [&](const Point& other) { return dominates(other, p); });
}

std::optional<std::size_t> choose(const std::vector<Point>& points, const Target& target) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (target.met_by(points[i].score) && (!best || merit(points[i]) > merit(points[*best]))) best = i;
  }
  return best;
}

std::size_t nearest(const std::vector<Point>& points, const Target& target) {
  const auto distance = [&](const Point& p) {
    return target.kl ? p.score.kl : target.top1 ? -p.score.top1 : -p.score.top5;
  };
  return static_cast<std::size_t>(std::ranges::min_element(points, {}, distance) - points.begin());
}

}  // namespace tessera::verify
