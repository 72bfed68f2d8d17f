#include "util/error.hpp"

#include <cerrno>
#include <system_error>

namespace tessera {

Interrupted::Interrupted() : Error("interrupted: stopped by Ctrl-C: run the same command again to resume") {}

std::string errno_text() {
  return std::generic_category().message(errno);
}

}  // namespace tessera
