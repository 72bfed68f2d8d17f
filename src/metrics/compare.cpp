#include "metrics/compare.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "tensor/bfloat16.hpp"
#include "util/error.hpp"
#include "util/parallel.hpp"

namespace tessera::metrics {
namespace {

constexpr double kScaleTolerance = 0.05;
constexpr double kOffsetTolerance = 0.1;  // of the reference's rms
// The error of one position's logits lies in few directions, so that a part of it falls on the reference: of
// 484 positions of SmolLM2 in the card's arithmetic the slope is off by 0.17 of the error in the median and
// 0.53 at most.
constexpr double kSlopeOfNoise = 0.5;

// Values are summed in chunks of this size and the chunks in order, so the result does not depend on threads.
constexpr std::size_t kChunk = 1 << 15;

bool same(float a, float b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

struct Sums {
  std::size_t count = 0;  // finite pairs
  double reference = 0, device = 0, reference_squares = 0, error_squares = 0;
  double max_abs = 0;
  std::size_t worst_index = 0, first_broken = SIZE_MAX;
  bool equal = true;
};

// The first pass over values [begin, end).
Sums sum_range(std::span<const float> reference, std::span<const float> device, std::size_t begin,
               std::size_t end) {
  Sums s;
  for (std::size_t i = begin; i < end; ++i) {
    const float r = reference[i], d = device[i];
    if (!same(r, d)) s.equal = false;
    if (!std::isfinite(r) || !std::isfinite(d)) {
      if (!same(r, d)) s.first_broken = std::min(s.first_broken, i);
      continue;
    }
    const double error = static_cast<double>(d) - r;
    if (std::abs(error) > s.max_abs) {
      s.max_abs = std::abs(error);
      s.worst_index = i;
    }
    ++s.count;
    s.reference += r;
    s.device += d;
    s.reference_squares += static_cast<double>(r) * r;
    s.error_squares += error * error;
  }
  return s;
}

void add(Sums& total, const Sums& part) {
  if (part.max_abs > total.max_abs) {
    total.max_abs = part.max_abs;
    total.worst_index = part.worst_index;
  }
  total.count += part.count;
  total.reference += part.reference;
  total.device += part.device;
  total.reference_squares += part.reference_squares;
  total.error_squares += part.error_squares;
  total.first_broken = std::min(total.first_broken, part.first_broken);
  total.equal = total.equal && part.equal;
}

struct Moments {
  double reference = 0, device = 0, both = 0;
};

Moments moments_range(std::span<const float> reference, std::span<const float> device, double mean_reference,
                      double mean_device, std::size_t begin, std::size_t end) {
  Moments m;
  for (std::size_t i = begin; i < end; ++i) {
    if (!std::isfinite(reference[i])) continue;
    const double r = reference[i] - mean_reference, d = device[i] - mean_device;
    m.reference += r * r;
    m.device += d * d;
    m.both += r * d;
  }
  return m;
}

void add(Moments& total, const Moments& part) {
  total.reference += part.reference;
  total.device += part.device;
  total.both += part.both;
}

template <class Result, class Range>
Result in_chunks(std::size_t n, Range range) {
  const std::size_t chunks = (n + kChunk - 1) / kChunk;
  std::vector<Result> parts(chunks);
  parallel_for(static_cast<std::int64_t>(chunks), 2, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t k = first; k < last; ++k) {
      const std::size_t begin = static_cast<std::size_t>(k) * kChunk;
      parts[static_cast<std::size_t>(k)] = range(begin, std::min(n, begin + kChunk));
    }
  });
  Result total;
  for (const Result& part : parts) add(total, part);
  return total;
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
  const std::size_t size = reference.size();
  const auto sums = in_chunks<Sums>(
      size, [&](std::size_t begin, std::size_t end) { return sum_range(reference, device, begin, end); });
  Comparison c;
  c.equal = sums.equal;
  c.max_abs = sums.max_abs;
  c.worst_index = sums.worst_index;
  const auto n = static_cast<double>(std::max<std::size_t>(sums.count, 1));
  c.reference_rms = std::sqrt(sums.reference_squares / n);
  if (sums.error_squares != 0)
    c.rel_l2 =
        sums.reference_squares == 0 ? HUGE_VAL : std::sqrt(sums.error_squares / sums.reference_squares);
  if (c.equal) {
    c.pcc = 1;
    return c;
  }
  if (sums.first_broken != SIZE_MAX) {
    c.finite = false;
    c.worst_index = sums.first_broken;
    c.max_abs = c.rel_l2 = HUGE_VAL;
    return c;
  }
  const double mean_reference = sums.reference / n, mean_device = sums.device / n;
  const auto m = in_chunks<Moments>(size, [&](std::size_t begin, std::size_t end) {
    return moments_range(reference, device, mean_reference, mean_device, begin, end);
  });
  if (m.reference == 0 || m.device == 0) return c;  // a constant that is not the other's values
  c.pcc = std::clamp(m.both / std::sqrt(m.reference) / std::sqrt(m.device), -1.0, 1.0);
  c.scale = m.both / m.reference;
  c.offset = mean_device - c.scale * mean_reference;
  return c;
}

std::string Comparison::remark() const {
  if (!finite) return fmt::format("not finite at value {}", worst_index);
  if (equal || pcc < 0.9) return {};
  if (std::abs(scale - 1) > 0.02) {
    if (std::abs(scale - 2) < 0.02) return "scale 2.00: every value is twice the reference's";
    if (std::abs(scale - 0.5) < 0.01) return "scale 0.50: every value is half the reference's";
    return fmt::format("scale {:.3f}: every value is off by that factor", scale);
  }
  if (std::abs(offset) > kOffsetTolerance * reference_rms)
    return fmt::format("offset {:.3g}: every value is shifted", offset);
  return {};
}

bool passes_logits(const Comparison& c, double threshold) {
  const double noise = std::sqrt(std::max(0.0, 1 - c.pcc * c.pcc));
  return c.finite && c.pcc >= threshold &&
         std::abs(c.scale - 1) <= std::max(kScaleTolerance, kSlopeOfNoise * noise);
}

bool passes(const Comparison& c, double threshold) {
  return c.finite && c.pcc >= threshold && std::abs(c.scale - 1) <= kScaleTolerance &&
         std::abs(c.offset) <= kOffsetTolerance * c.reference_rms;
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
