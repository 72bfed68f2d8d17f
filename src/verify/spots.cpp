#include "verify/spots.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace tessera::verify {
namespace {

constexpr std::size_t kStrip = 32;
constexpr double kRowLimit = 0.5;

struct Energy {
  double reference = 0, difference = 0;
  std::size_t count = 0;

  void add(float a, float b) {
    // NaN in the same place on both sides is agreement; on one side only, compare() has failed already.
    const double d = static_cast<double>(a) - b;
    reference += std::isfinite(a) ? static_cast<double>(a) * a : 0;
    difference += std::isfinite(d) ? d * d : 0;
    ++count;
  }
  double rms() const { return std::sqrt(reference / static_cast<double>(count)); }
  double error(double whole_rms) const {
    if (difference == 0) return 0;
    return std::sqrt(difference / static_cast<double>(count)) / std::max(rms(), whole_rms);
  }
};

}  // namespace

std::string bad_spots(std::span<const float> reference, std::span<const float> device, std::int64_t cols,
                      double threshold) {
  const auto width = static_cast<std::size_t>(cols);
  if (width == 0 || reference.empty() || reference.size() != device.size()) return {};
  std::vector<Energy> rows(reference.size() / width), strips((width + kStrip - 1) / kStrip);
  Energy whole;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    rows[i / width].add(reference[i], device[i]);
    strips[i % width / kStrip].add(reference[i], device[i]);
    whole.add(reference[i], device[i]);
  }
  const auto worst = [&](const std::vector<Energy>& parts) {
    std::pair<std::size_t, double> result{0, 0.0};
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const double error = parts[i].error(whole.rms());
      if (error > result.second) result = {i, error};
    }
    return result;
  };
  const auto [row, row_error] = worst(rows);
  const auto [strip, strip_error] = worst(strips);
  std::string text;
  if (row_error > kRowLimit) text = fmt::format("row {} off by {:.3f} of the scale", row, row_error);
  if (strip_error > 1.5 * std::sqrt(2 * std::max(0.0, 1 - threshold))) {
    text += fmt::format("{}columns {} to {} off by {:.3f} of the scale", text.empty() ? "" : "; ",
                        strip * kStrip, std::min(width, (strip + 1) * kStrip) - 1, strip_error);
  }
  return text;
}

}  // namespace tessera::verify
