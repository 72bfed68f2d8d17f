#pragma once
// How figures are written for people, the same in the page and on the terminal.
#include <cstdint>
#include <string>

namespace tessera::report {

/// Six decimals; "not finite" for what JSON had to call null.
std::string pcc_text(double pcc);

/// Three significant digits.
std::string figure_text(double value);

/// In binary units: "512 B", "138.2 MiB", "12.0 GiB".
std::string bytes_text(std::int64_t bytes);

/// "98.0 %".
std::string percent_text(double percent);

/// `figure_text` and a unit, or "not measured" for the zero of a phase that did not run.
std::string measured_text(double value, const std::string& unit);

}  // namespace tessera::report
