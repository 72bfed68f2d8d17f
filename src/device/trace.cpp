#include "device/trace.hpp"

#include <algorithm>
#include <utility>

#include "device/device.hpp"
#include "util/error.hpp"
#include "util/parallel.hpp"

namespace tessera {

struct TraceStore::Trace final : Command {
  explicit Trace(Device& owner) : device(owner) {}
  ~Trace() override { device.give_back_trace_room(room); }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  Device& device;
  std::vector<std::shared_ptr<Command>> commands;
  std::shared_ptr<BlockPool> arena = std::make_shared<BlockPool>();
  std::int64_t held = 0, peak = 0;  // bytes of the tensors made during the capture
  std::int64_t region = 0;
  BankRoom room;  // the region, and what the arena has beyond the tensors that the caller still holds

  void run() override {
    const ParallelSession awake;
    for (const auto& command : commands) command->run();
  }
  // Its ops one by one: the trace itself is only what lies between them.
  void run_timed(Timeline& timeline, int queue) override {
    const ParallelSession awake;
    for (const auto& command : commands) command->run_timed(timeline, queue);
  }
  std::string name() const override { return "execute_trace"; }
};

TraceStore::~TraceStore() = default;

void TraceStore::refuse(std::string_view what) const {
  check(!is_capturing(),
        "[{}] inside a trace capture: a replay could not do it again: do it before begin_trace_capture or "
        "after "
        "end_trace_capture",
        what);
}

const std::shared_ptr<BlockPool>& TraceStore::arena() const {
  return capture_->arena;
}

void TraceStore::add(std::shared_ptr<Command> command, int queue) {
  check(queue == capture_queue_,
        "[{}] on queue {} while a trace is captured on queue {}: a trace is of one queue: end the capture "
        "first",
        command->name(), queue, capture_queue_);
  capture_->region += trace_region_bytes(device_, command->operands());
  command->unpin(*capture_->arena);
  capture_->commands.push_back(std::move(command));
}

void TraceStore::charge(std::int64_t bytes) {
  capture_->held += bytes;
  capture_->peak = std::max(capture_->peak, capture_->held);
}

TraceId TraceStore::begin(int cq_id) {
  check(!is_capturing(), "[begin_trace_capture] trace {} is being captured: end it first", capture_id_);
  device_.synchronize();
  capture_ = std::make_shared<Trace>(device_);
  capture_queue_ = cq_id;
  capture_id_ = next_++;
  return capture_id_;
}

void TraceStore::end(TraceId id) {
  check(is_capturing() && id == capture_id_,
        "[end_trace_capture] trace {} is not being captured: begin it first", id);
  const std::shared_ptr<Trace> trace = std::exchange(capture_, nullptr);
  // The tensors that the caller still holds stay on his account.
  trace->room = device_.take_trace_room(trace->region + trace->peak - trace->held);
  traces_.emplace(id, trace);
}

void TraceStore::execute(TraceId id, int cq_id, bool blocking) {
  refuse("execute_trace");
  CommandQueue& queue = device_.queue(cq_id);
  queue.enqueue(find("execute_trace", id));
  if (blocking) queue.finish();
}

void TraceStore::execute_stepwise(TraceId id, const std::function<void(const Command&)>& after) {
  refuse("execute_trace");
  device_.synchronize();
  for (const auto& command : find("execute_trace", id)->commands) {
    command->run();
    after(*command);
  }
}

void TraceStore::release(TraceId id) {
  find("release_trace", id);
  traces_.erase(id);
}

void TraceStore::abandon() {
  capture_.reset();
}

TraceInfo TraceStore::info(TraceId id) const {
  const auto trace = find("trace_info", id);
  return {static_cast<int>(trace->commands.size()), trace->region, trace->peak};
}

std::shared_ptr<TraceStore::Trace> TraceStore::find(std::string_view caller, TraceId id) const {
  const auto it = traces_.find(id);
  check(it != traces_.end(), "[{}] trace {}: not captured, or released: capture it first", caller, id);
  return it->second;
}

TraceId begin_trace_capture(Device& device, int cq_id) {
  device.queue(cq_id);
  return device.traces().begin(cq_id);
}
void end_trace_capture(Device& device, TraceId id, int cq_id) {
  device.queue(cq_id);
  device.traces().end(id);
}
void execute_trace(Device& device, TraceId id, int cq_id, bool blocking) {
  device.traces().execute(id, cq_id, blocking);
}
void execute_trace_stepwise(Device& device, TraceId id, const std::function<void(const Command&)>& after) {
  device.traces().execute_stepwise(id, after);
}
void release_trace(Device& device, TraceId id) {
  device.traces().release(id);
}
void abandon_trace_capture(Device& device) {
  device.traces().abandon();
}
TraceInfo trace_info(const Device& device, TraceId id) {
  return const_cast<Device&>(device).traces().info(id);
}

std::int64_t trace_region_bytes(const Device& device, int operands) {
  constexpr std::int64_t kLaunch = 256, kOperand = 32;
  return device.sheet().worker_cores * (kLaunch + kOperand * operands);
}

}  // namespace tessera
