#pragma once
// A progress bar on stderr. On a terminal it redraws one line; elsewhere it prints nothing but the end line
// of work that took longer than two seconds, so logs stay readable.
#include <cstdint>
#include <string>

#include "util/clock.hpp"

namespace tessera {

class Progress {
 public:
  /// `total` in any unit; `unit` is "B" for bytes (shown as MB) or a plural noun. 0 = unknown.
  Progress(std::string what, std::int64_t total, std::string unit = "B");
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(std::int64_t amount);
  void finish();

  /// Silences every bar of the process (`--quiet`, and tests).
  static void set_enabled(bool enabled);

 private:
  void draw();
  std::string amount_text() const;

  std::string what_;
  std::int64_t total_;
  std::string unit_;
  std::int64_t done_ = 0;
  Stopwatch clock_;
  double last_draw_ = -1;
  bool terminal_;
  bool finished_ = false;
};

}  // namespace tessera
