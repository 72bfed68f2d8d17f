#pragma once
// Errors. Two kinds and no abort: UserError is the caller's fault (bad argument, bad file), SystemError
// the machine's (disk full, out of memory, network). Every text says what, the actual values, what to do.
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace tessera {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class UserError : public Error {
 public:
  using Error::Error;
};

class SystemError : public Error {
 public:
  using Error::Error;
};

/// Thrown at a safe point after Ctrl-C; see util/interrupt.hpp.
class Interrupted : public Error {
 public:
  Interrupted();
};

template <class... Args>
[[noreturn]] void fail_user(fmt::format_string<Args...> text, Args&&... args) {
  throw UserError(fmt::format(text, std::forward<Args>(args)...));
}

template <class... Args>
[[noreturn]] void fail_system(fmt::format_string<Args...> text, Args&&... args) {
  throw SystemError(fmt::format(text, std::forward<Args>(args)...));
}

/// Checks what a caller or a file gave: throws UserError with the formatted text when `ok` is false.
template <class... Args>
void check(bool ok, fmt::format_string<Args...> text, Args&&... args) {
  if (!ok) fail_user(text, std::forward<Args>(args)...);
}

/// The current errno as text, for SystemError messages.
std::string errno_text();

}  // namespace tessera
