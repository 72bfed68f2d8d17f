#pragma once
#include <optional>
#include <string>

namespace tessera::cli {

/// Lines of a terminal or pipe. std::getline would sleep through Ctrl-C.
class LineReader {
 public:
  explicit LineReader(int fd) : fd_(fd) {}
  /// The next line without its end ("\n" or "\r\n"); a last line without one counts. Nothing at the end of
  /// the input and after Ctrl-C.
  std::optional<std::string> next();

 private:
  std::optional<std::string> take(std::size_t length, std::size_t end);

  int fd_;
  std::string buffer_;
  bool at_end_ = false;
};

}  // namespace tessera::cli
