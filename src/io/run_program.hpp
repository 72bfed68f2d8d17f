#pragma once
#include <span>
#include <string>

namespace tessera::io {

/// Runs a program of PATH without a shell and waits; what it prints goes to stderr, so that stdout stays the
/// caller's. Returns its exit code, 127 when there is no such program, 128 + n when signal n ended it. Throws
/// SystemError when no process can be made, Interrupted after Ctrl-C.
int run_program(std::span<const std::string> arguments);

}  // namespace tessera::io
