#pragma once
// Events order command queues among each other.
#include <memory>

namespace tessera {

class EventState;

/// A point in a queue's order; a cheap handle. A default one was never recorded, and nobody may wait for it.
class Event {
 public:
  Event() = default;
  explicit Event(std::shared_ptr<EventState> state) : state_(std::move(state)) {}

  bool is_recorded() const { return state_ != nullptr; }
  EventState& state() const { return *state_; }

 private:
  std::shared_ptr<EventState> state_;
};

/// How long anybody waits for an event before it is an error: longer than any command here runs, short enough
/// that a knot of queues waiting for each other is told to the user and not endured. TESSERA_EVENT_TIMEOUT
/// (seconds) sets another limit.
double event_timeout_seconds();

/// Blocks the caller until the event is set (TT-NN's event_synchronize). Throws UserError for an event that
/// was never recorded, SystemError after event_timeout_seconds(), and what the recording queue failed with.
void event_synchronize(const Event& event);

}  // namespace tessera
