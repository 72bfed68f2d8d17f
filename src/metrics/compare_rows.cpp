#include "metrics/compare_rows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "util/error.hpp"

namespace tessera::metrics {
namespace {

void append_scaled(std::vector<float>& to, std::span<const float> row, double rms) {
  // A row of zeros has no size of its own: its errors count as they are.
  const double factor = rms > 0 ? 1 / rms : 1;
  for (const float value : row) to.push_back(static_cast<float>(value * factor));
}

}  // namespace

RowComparison compare_rows(std::span<const float> reference, std::span<const float> device,
                           std::size_t cols) {
  check(reference.size() == device.size() && cols > 0 && reference.size() % cols == 0,
        "compare: {} values against {} in rows of {}: the shapes differ", reference.size(), device.size(),
        cols);
  RowComparison result;
  result.plain = compare(reference, device);
  std::vector<float> even_reference, even_device;
  even_reference.reserve(reference.size());
  even_device.reserve(device.size());
  for (std::size_t row = 0; row * cols < reference.size(); ++row) {
    const auto theirs = reference.subspan(row * cols, cols), ours = device.subspan(row * cols, cols);
    const Comparison c = compare(theirs, ours);
    append_scaled(even_reference, theirs, c.reference_rms);
    append_scaled(even_device, ours, c.reference_rms);
    if (c.rel_l2 <= result.worst_row_rel_l2) continue;
    result.worst_row = row;
    result.worst_row_rel_l2 = c.rel_l2;
  }
  result.even = compare(even_reference, even_device);
  return result;
}

double row_limit(double threshold) {
  return 3 * std::sqrt(2 * std::max(0.0, 1 - threshold));
}

std::string RowComparison::remark(double threshold) const {
  if (!plain.finite) return plain.remark();
  if (worst_row_rel_l2 > row_limit(threshold))
    return fmt::format("row {} is off by {:.3f} of its own size", worst_row, worst_row_rel_l2);
  return even.remark();
}

bool passes(const RowComparison& c, double threshold) {
  return c.plain.finite && passes(c.even, threshold) && c.worst_row_rel_l2 <= row_limit(threshold);
}

}  // namespace tessera::metrics
