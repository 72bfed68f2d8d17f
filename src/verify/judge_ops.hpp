#pragma once
// Which of many local errors is out of line.
#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "verify/bisect.hpp"

namespace tessera::verify {

struct OutOfLine {
  std::size_t index = 0;  // of the op
  std::string reason;
  ErrorLimits limits;  // what would be in line
};

/// Sets usual_config of the ops that are configured otherwise than most of their like: the same op in the
/// other layers; for one outside the layers (the final norm) that on inputs of the same shapes.
void find_odd_configs(std::span<OpError> ops);

/// The first op whose PCC is below `threshold`, or whose error stands out from that of the same op in the
/// other layers, or would be smaller with their configuration: all of it, or what is no common factor of a
/// row. Fills OpError::median. nullopt when every op is in line.
std::optional<OutOfLine> first_out_of_line(std::span<OpError> ops, double threshold);

}  // namespace tessera::verify
