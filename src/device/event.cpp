#include "device/event.hpp"

#include <chrono>
#include <cstdlib>
#include <utility>

#include "device/event_state.hpp"
#include "util/error.hpp"

namespace tessera {
namespace {

constexpr double kDefaultTimeout = 60;

}  // namespace

double event_timeout_seconds() {
  if (const char* text = std::getenv("TESSERA_EVENT_TIMEOUT")) {
    const double seconds = std::atof(text);
    if (seconds > 0) return seconds;
  }
  return kDefaultTimeout;
}

void EventState::set(std::exception_ptr error) {
  {
    const std::lock_guard lock(mutex_);
    set_ = true;
    error_ = std::move(error);
  }
  changed_.notify_all();
}

void EventState::wait() {
  std::unique_lock lock(mutex_);
  const double limit = event_timeout_seconds();
  if (!changed_.wait_for(lock, std::chrono::duration<double>(limit), [&] { return set_; })) {
    fail_system(
        "[wait_for_event] an event of queue {} was not reached in {:g} s: two queues wait for each other, or "
        "a command hangs",
        queue_, limit);
  }
  if (error_) std::rethrow_exception(error_);
}

void event_synchronize(const Event& event) {
  check(event.is_recorded(), "[event_synchronize] this event was never recorded: call record_event first");
  event.state().wait();
}

}  // namespace tessera
