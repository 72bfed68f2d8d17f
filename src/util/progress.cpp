#include "util/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <utility>

namespace tessera {
namespace {
std::atomic<bool> g_enabled{true};
constexpr int kWidth = 28;

// fmt::print throws when stderr is gone, which is no reason to stop the work, and this runs in a destructor.
template <class... Args>
void print(fmt::format_string<Args...> text, Args&&... args) {
  std::fputs(fmt::format(text, std::forward<Args>(args)...).c_str(), stderr);
}
}  // namespace

Progress::Progress(std::string what, std::int64_t total, std::string unit)
    : what_(std::move(what)), total_(total), unit_(std::move(unit)), terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  finish();
}

void Progress::set_enabled(bool enabled) {
  g_enabled = enabled;
}

void Progress::add(std::int64_t amount) {
  done_ += amount;
  if (!terminal_ || !g_enabled) return;
  if (clock_.seconds() - last_draw_ < 0.05 && done_ < total_) return;
  last_draw_ = clock_.seconds();
  draw();
}

void Progress::finish() {
  if (std::exchange(finished_, true) || !g_enabled) return;
  const double seconds = clock_.seconds();
  if (terminal_) {
    if (last_draw_ >= 0) print("\r\x1b[K");
  } else if (seconds > 2) {
    print("{}: {} in {:.1f} s\n", what_, amount_text(), seconds);
  }
}

std::string Progress::amount_text() const {
  if (unit_ == "B") return fmt::format("{:.1f} MB", static_cast<double>(done_) / 1e6);
  return fmt::format("{} {}", done_, unit_);
}

void Progress::draw() {
  if (total_ <= 0) {
    print("\r\x1b[K{} {}", what_, amount_text());
  } else {
    const double part = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
    const int filled = static_cast<int>(part * kWidth);
    print("\r\x1b[K{} [{:=<{}}{: <{}}] {:3.0f}% {}", what_, "", filled, "", kWidth - filled, part * 100,
          amount_text());
  }
  std::fflush(stderr);
}

}  // namespace tessera
