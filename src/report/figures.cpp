#include "report/figures.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace tessera::report {

std::string pcc_text(double pcc) {
  return std::isfinite(pcc) ? fmt::format("{:.6f}", pcc) : "not finite";
}

std::string figure_text(double value) {
  return std::isfinite(value) ? fmt::format("{:.3g}", value) : "not finite";
}

std::string bytes_text(std::int64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string percent_text(double percent) {
  return fmt::format("{:.1f} %", percent);
}

std::string measured_text(double value, const std::string& unit) {
  if (!(value > 0)) return "not measured";
  // Never an exponent: 1.5e+03 tok/s is not how people read a speed.
  return fmt::format("{:.{}f} {}", value, value < 10 ? 2 : value < 100 ? 1 : 0, unit);
}

}  // namespace tessera::report
