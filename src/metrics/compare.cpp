#include "metrics/compare.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "tensor/bfloat16.hpp"
#include "util/error.hpp"

namespace tessera::metrics {
namespace {

constexpr double kScaleTolerance = 0.05;

bool same(float a, float b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

// The position of a value on the number line of its format: neighbours differ by one.
std::int64_t ordinal(float value, DataType dtype) {
  const bool full = dtype == DataType::FLOAT32;
  const std::int64_t bits = full ? std::bit_cast<std::uint32_t>(value) : float_to_bf16(value);
  const std::int64_t sign = full ? 0x80000000ll : 0x8000ll;
  return (bits & sign) != 0 ? -(bits & (sign - 1)) : bits;
}

}  // namespace

Comparison compare(std::span<const float> reference, std::span<const float> device) {
  check(reference.size() == device.size(), "compare: {} values against {}: the shapes differ",
        reference.size(), device.size());
  Comparison c;
  const auto n = static_cast<double>(reference.size());
  if (reference.empty()) {
    c.pcc = 1;
    c.equal = true;
    return c;
  }
  c.equal = true;
  double sum_r = 0, sum_d = 0, sum_rr = 0, sum_ee = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const float r = reference[i], d = device[i];
    if (same(r, d)) {
      if (!std::isfinite(r)) continue;
    } else {
      c.equal = false;
      if (!std::isfinite(r) || !std::isfinite(d)) {
        c.finite = false;
        c.worst_index = i;
        continue;
      }
    }
    const double error = static_cast<double>(d) - r;
    if (std::abs(error) > c.max_abs) {
      c.max_abs = std::abs(error);
      if (c.finite) c.worst_index = i;
    }
    sum_r += r;
    sum_d += d;
    sum_rr += static_cast<double>(r) * r;
    sum_ee += error * error;
  }
  c.reference_rms = std::sqrt(sum_rr / n);
  c.rel_l2 = sum_ee == 0 ? 0 : sum_rr == 0 ? HUGE_VAL : std::sqrt(sum_ee / sum_rr);
  if (!c.finite) {
    c.max_abs = HUGE_VAL;
    return c;
  }
  const double mean_r = sum_r / n, mean_d = sum_d / n;
  double rr = 0, dd = 0, rd = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    if (!std::isfinite(reference[i])) continue;
    const double r = reference[i] - mean_r, d = device[i] - mean_d;
    rr += r * r;
    dd += d * d;
    rd += r * d;
  }
  if (c.equal) {
    c.pcc = 1;
    return c;
  }
  if (rr == 0 || dd == 0) return c;  // a constant that is not the other's values
  c.pcc = std::clamp(rd / std::sqrt(rr * dd), -1.0, 1.0);
  c.scale = rd / rr;
  c.offset = mean_d - c.scale * mean_r;
  return c;
}

std::string Comparison::remark() const {
  if (!finite) return fmt::format("not finite at value {}", worst_index);
  if (equal || pcc < 0.9) return {};
  if (std::abs(scale - 1) > 0.02)
    return fmt::format("scale {:.3f}: every value is off by that factor", scale);
  if (std::abs(offset) > 0.1 * reference_rms)
    return fmt::format("offset {:.3g}: every value is shifted", offset);
  return {};
}

bool passes(const Comparison& c, double threshold) {
  return c.finite && c.pcc >= threshold && std::abs(c.scale - 1) <= kScaleTolerance;
}

std::int64_t ulp_max(std::span<const float> reference, std::span<const float> device, DataType dtype) {
  check(reference.size() == device.size(), "ulp: {} values against {}: the shapes differ", reference.size(),
        device.size());
  std::int64_t most = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    if (same(reference[i], device[i])) continue;
    most = std::max(most, std::abs(ordinal(reference[i], dtype) - ordinal(device[i], dtype)));
  }
  return most;
}

}  // namespace tessera::metrics
