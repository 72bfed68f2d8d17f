#pragma once
// Every op, one line each: what inspect shows beside a model's operators.
#include <span>
#include <string_view>

namespace tessera {

struct OpEntry {
  std::string_view name;     // Operation::name(): "rms_norm"
  std::string_view ttnn;     // TT-NN's full name: "ttnn.rms_norm"
  std::string_view purpose;  // one line
};

/// Sorted by name.
std::span<const OpEntry> op_table();

/// nullptr when there is no such op.
const OpEntry* find_op(std::string_view name);

}  // namespace tessera
