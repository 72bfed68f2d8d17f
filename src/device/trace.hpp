#pragma once
// Captured commands that are replayed as one: TT-NN's Metal Trace.
//
// Between begin and end, ops are validated, allocated and recorded, and not run: tensors made meanwhile hold
// values only after a replay. What a replay could not do again is refused by name: reads, writes, events,
// tensors that no op makes, ops on the other queue, draws of random numbers. A replay runs the commands with
// the addresses they had, without validation or allocation, and wakes the worker threads once.
//
// A trace keeps the tensors that it touches, and so the device: release it.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "device/command_queue.hpp"

namespace tessera {

class BlockPool;
class Device;

using TraceId = int;

/// Throws UserError when a capture is under way. Waits for what is queued.
TraceId begin_trace_capture(Device& device, int cq_id = 0);
/// Throws UserError when `id` is not the capture under way.
void end_trace_capture(Device& device, TraceId id, int cq_id = 0);
/// Throws UserError for an unknown or released trace, or inside a capture. `blocking` waits for the end.
void execute_trace(Device& device, TraceId id, int cq_id = 0, bool blocking = true);
/// A replay on the caller's thread that calls `after` behind each command: for checks. Waits for all queues
/// first.
void execute_trace_stepwise(Device& device, TraceId id, const std::function<void(const Command&)>& after);
/// Gives the trace's memory back once a replay under way has ended.
void release_trace(Device& device, TraceId id);
/// Ends a capture that an error broke off, and forgets it. Nothing happens when none is under way.
void abandon_trace_capture(Device& device);

struct TraceInfo {
  int commands = 0;
  std::int64_t region_bytes = 0;  // of commands, in the device's trace region
  std::int64_t arena_bytes = 0;   // of the tensors between them, at their peak
};
TraceInfo trace_info(const Device& device, TraceId id);

/// Bytes that a command with so many operands takes in a trace region: for each worker core a launch message
/// with its kernels' configuration (256 bytes) and its runtime arguments (32 a tensor). About 20 MB for the
/// decode step of Llama-3.1-8B on n150, where the vendor's hand-made table reserves 25 MB.
std::int64_t trace_region_bytes(const Device& device, int operands);

/// A device's traces; Device::submit() and the tensors' memory ask it.
class TraceStore {
 public:
  explicit TraceStore(Device& device) : device_(device) {}
  ~TraceStore();

  bool is_capturing() const { return capture_ != nullptr; }
  /// Throws UserError "[what] inside a trace capture: ..." while one is under way.
  void refuse(std::string_view what) const;
  const std::shared_ptr<BlockPool>& arena() const;
  /// `queue`: that of the calling thread. UserError when it is not the one that captures.
  void add(std::shared_ptr<Command> command, int queue);
  /// The account of a capture: its peak is charged when it ends.
  void charge(std::int64_t bytes);

  TraceId begin(int cq_id);
  void end(TraceId id);
  void execute(TraceId id, int cq_id, bool blocking);
  void execute_stepwise(TraceId id, const std::function<void(const Command&)>& after);
  void release(TraceId id);
  void abandon();
  TraceInfo info(TraceId id) const;

 private:
  struct Trace;
  std::shared_ptr<Trace> find(std::string_view caller, TraceId id) const;

  Device& device_;
  TraceId next_ = 1;
  std::shared_ptr<Trace> capture_;
  TraceId capture_id_ = 0;
  int capture_queue_ = 0;
  std::map<TraceId, std::shared_ptr<Trace>> traces_;
};

}  // namespace tessera
