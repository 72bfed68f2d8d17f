#pragma once
// What an Event points to; for the queues only.
#include <condition_variable>
#include <exception>
#include <mutex>

namespace tessera {

class EventState {
 public:
  explicit EventState(int queue) : queue_(queue) {}

  /// `error`: what the recording queue had failed with before the event, or nothing.
  void set(std::exception_ptr error);
  /// Throws as event_synchronize().
  void wait();

 private:
  const int queue_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
  std::exception_ptr error_;
};

}  // namespace tessera
