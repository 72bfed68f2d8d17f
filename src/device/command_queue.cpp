#include "device/command_queue.hpp"

#include <utility>

#include "device/event_state.hpp"
#include "device/timeline.hpp"
#include "util/error.hpp"

namespace tessera {
namespace {

// Runs even when the queue has failed: somebody may be waiting.
class RecordEvent final : public Command {
 public:
  explicit RecordEvent(std::shared_ptr<EventState> state) : state_(std::move(state)) {}
  void run() override { state_->set(nullptr); }
  void fail(const std::exception_ptr& error) { state_->set(error); }
  std::string name() const override { return "record_event"; }

 private:
  std::shared_ptr<EventState> state_;
};

class WaitForEvent final : public Command {
 public:
  explicit WaitForEvent(Event event) : event_(std::move(event)) {}
  void run() override { event_.state().wait(); }
  std::string name() const override { return "wait_for_event"; }

 private:
  Event event_;
};

}  // namespace

void Command::run_timed(Timeline& timeline, int queue) {
  const double begin = timeline.now();
  run();
  timeline.add({queue, name(), path(), begin, timeline.now()});
}

CommandQueue::~CommandQueue() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
  const auto closed =
      std::make_exception_ptr(SystemError(fmt::format("queue {}: the device was closed", id_)));
  for (const auto& command : commands_) {
    if (auto* record = dynamic_cast<RecordEvent*>(command.get())) record->fail(closed);
  }
}

void CommandQueue::set_async(bool async) {
  finish();
  async_ = async;
  if (async && !thread_.joinable()) thread_ = std::thread([this] { work(); });
}

void CommandQueue::enqueue(std::shared_ptr<Command> command) {
  if (!async_) return run_one(*command);
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(command));
  }
  wake_.notify_one();
}

void CommandQueue::finish() {
  if (!async_) return;
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [&] { return commands_.empty() && !running_; });
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

Event CommandQueue::record_event() {
  auto state = std::make_shared<EventState>(id_);
  enqueue(std::make_shared<RecordEvent>(state));
  return Event(std::move(state));
}

void CommandQueue::wait_for_event(const Event& event) {
  check(
      event.is_recorded(),
      "[wait_for_event] queue {}: this event was never recorded: call record_event on the other queue first",
      id_);
  enqueue(std::make_shared<WaitForEvent>(event));
}

void CommandQueue::run_one(Command& command) {
  if (timeline_ == nullptr) return command.run();
  command.run_timed(*timeline_, id_);
}

void CommandQueue::work() {
  for (;;) {
    std::shared_ptr<Command> command;
    std::exception_ptr failed;
    {
      std::unique_lock lock(mutex_);
      running_ = false;
      if (commands_.empty()) idle_.notify_all();
      wake_.wait(lock, [&] { return stop_ || !commands_.empty(); });
      if (stop_) return;
      command = std::move(commands_.front());
      commands_.pop_front();
      running_ = true;
      failed = error_;
    }
    try {
      if (!failed) {
        run_one(*command);
      } else if (auto* record = dynamic_cast<RecordEvent*>(command.get())) {
        record->fail(failed);
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      error_ = std::current_exception();
    }
    // What the command kept alive is given back before anybody hears that the queue is idle.
    command.reset();
  }
}

}  // namespace tessera
