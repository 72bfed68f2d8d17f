#include "line_reader.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "util/error.hpp"
#include "util/interrupt.hpp"

namespace tessera::cli {
namespace {

// A signal between the test of the flag and poll() would otherwise be noticed with the next key only.
constexpr int kPollMs = 250;

}  // namespace

std::optional<std::string> LineReader::take(std::size_t length, std::size_t end) {
  std::string line = buffer_.substr(0, length);
  buffer_.erase(0, end);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

std::optional<std::string> LineReader::next() {
  while (!interrupted()) {
    if (const auto newline = buffer_.find('\n'); newline != std::string::npos) {
      return take(newline, newline + 1);
    }
    if (at_end_) {
      if (buffer_.empty()) return std::nullopt;
      return take(buffer_.size(), buffer_.size());
    }
    pollfd ready{fd_, POLLIN, 0};
    if (poll(&ready, 1, kPollMs) <= 0) continue;
    std::array<char, 4096> bytes;
    const ssize_t n = read(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_system("cannot read standard input: {}", errno_text());
    if (n == 0) at_end_ = true;
    buffer_.append(bytes.data(), static_cast<std::size_t>(n));
  }
  return std::nullopt;
}

}  // namespace tessera::cli
