#include "device/device.hpp"

#include <exception>
#include <utility>

#include "device/trace.hpp"
#include "util/error.hpp"

namespace tessera {

std::string_view to_string(Engine engine) {
  switch (engine) {
    case Engine::Ref:
      return "ref";
    case Engine::Fast:
      return "fast";
    case Engine::Exact:
      return "exact";
    case Engine::Meta:
      return "meta";
  }
  return "?";
}

Engine parse_engine(std::string_view name) {
  for (const Engine engine : {Engine::Ref, Engine::Fast, Engine::Exact, Engine::Meta}) {
    if (to_string(engine) == name) return engine;
  }
  fail_user("unknown engine: \"{}\": use ref, fast or exact", name);
}

namespace {
thread_local int t_queue = 0;
}

std::shared_ptr<Device> Device::open(std::string_view sheet, Engine engine, const DeviceOptions& options) {
  check(options.num_command_queues >= 1 && options.num_command_queues <= kMaxCommandQueues,
        "device: {} command queues: 1 or {} are supported", options.num_command_queues, kMaxCommandQueues);
  return std::shared_ptr<Device>(new Device(find_sheet(sheet), engine, options));
}

Device::Device(const SpecSheet& sheet, Engine engine, const DeviceOptions& options)
    : sheet_(sheet),
      engine_(engine),
      memory_(sheet, engine == Engine::Meta),
      traces_(std::make_unique<TraceStore>(*this)) {
  for (int id = 0; id < options.num_command_queues; ++id)
    queues_.push_back(std::make_unique<CommandQueue>(id));
  set_async(options.async);
}

// All queues are closed before any is waited for: one may wait for an event of another.
Device::~Device() {
  for (const auto& queue : queues_) queue->close();
}

CommandQueue& Device::queue(int id) {
  check(id >= 0 && id < num_command_queues(), "device: command queue {}: this device was opened with {}", id,
        num_command_queues());
  return *queues_[static_cast<std::size_t>(id)];
}

void Device::set_async(bool async) {
  for (const auto& queue : queues_) queue->set_async(async);
}

void Device::synchronize() {
  if (CommandQueue::on_queue_thread()) return;
  std::exception_ptr error;
  for (const auto& queue : queues_) {
    try {
      queue->finish();
    } catch (...) {
      if (!error) error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

void Device::set_timeline(Timeline* timeline) {
  synchronize();
  for (const auto& queue : queues_) queue->set_timeline(timeline);
}

bool Device::has_deferred_commands() const {
  return is_async() || queues_[0]->has_timeline() || traces_->is_capturing();
}

void Device::submit(std::shared_ptr<Command> command) {
  if (traces_->is_capturing()) return traces_->add(std::move(command), t_queue);
  queue(t_queue).enqueue(std::move(command));
}

const std::shared_ptr<BlockPool>& Device::pool() const {
  return traces_->is_capturing() ? traces_->arena() : pool_;
}

QueueScope::QueueScope(int queue) : previous_(std::exchange(t_queue, queue)) {}
QueueScope::~QueueScope() {
  t_queue = previous_;
}

int current_queue() {
  return t_queue;
}

Event record_event(Device& device, int cq_id) {
  device.traces().refuse("record_event");
  return device.queue(cq_id).record_event();
}

void wait_for_event(Device& device, int cq_id, const Event& event) {
  device.traces().refuse("wait_for_event");
  device.queue(cq_id).wait_for_event(event);
}

BankRoom Device::take_room(const TensorSpec& spec, const MemoryConfig& config, const BlockPool* pool) {
  const auto take = [&] {
    try {
      return memory_.take(spec, config);
    } catch (const UserError&) {
      if (!is_async() || traces_->is_capturing() || CommandQueue::on_queue_thread()) throw;
    }
    // Commands under way hold tensors that the host has dropped: the banks are full when they still are once
    // the queues have come to an end.
    synchronize();
    return memory_.take(spec, config);
  };
  const BankRoom room = take();
  if (traces_->is_capturing() && pool == traces_->arena().get()) traces_->charge(memory_.bytes_of(room));
  return room;
}

void Device::give_back_room(const BankRoom& room, const BlockPool* pool) {
  memory_.give_back(room);
  if (traces_->is_capturing() && pool == traces_->arena().get()) traces_->charge(-memory_.bytes_of(room));
}

}  // namespace tessera
