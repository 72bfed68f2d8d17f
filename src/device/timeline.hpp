#pragma once
// When each command of a device ran, by queue.
#include <mutex>
#include <string>
#include <vector>

#include "util/clock.hpp"

namespace tessera {

class Timeline {
 public:
  struct Entry {
    int queue = 0;
    std::string name, path;
    double begin = 0, end = 0;  // seconds since the timeline was made
  };

  double now() const { return clock_.seconds(); }
  /// From any queue's thread.
  void add(Entry entry) {
    const std::lock_guard lock(mutex_);
    entries_.push_back(std::move(entry));
  }
  /// In the order in which they ended.
  std::vector<Entry> entries() const {
    const std::lock_guard lock(mutex_);
    return entries_;
  }

 private:
  Stopwatch clock_;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

class Device;

/// Enters what a device runs during its lifetime.
class TimelineScope {
 public:
  /// Waits for the queues first; throws what a command failed with.
  TimelineScope(Device& device, Timeline& timeline);
  /// Waits for the queues: commands write into the timeline.
  ~TimelineScope();
  TimelineScope(const TimelineScope&) = delete;
  TimelineScope& operator=(const TimelineScope&) = delete;

 private:
  Device& device_;
};

}  // namespace tessera
