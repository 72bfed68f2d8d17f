#pragma once
// Whether a trace may be trusted: a replay and an eager run of the same step side by side.
#include <functional>
#include <string>

#include "ops/operation.hpp"

namespace tessera {

struct TraceCheck {
  int commands = 0;
  std::string difference;  // the first, with the op's name and path; empty: a replay equals eager to the bit
};

/// Captures `step` (ops only) on the current queue and compares each command of a replay with the op of an
/// eager run, by all bytes that it computed. `prepare(round)` is called before either: it writes the inputs
/// of that round and puts back what `step` changes in place. Give other inputs each round: a value that the
/// capture took from the host shows in the second. Throws UserError when the capture is refused.
TraceCheck check_trace(Device& device, const std::function<void(int)>& prepare,
                       const std::function<void()>& step, int rounds = 2);

}  // namespace tessera
