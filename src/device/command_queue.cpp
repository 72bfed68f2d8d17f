#include "device/command_queue.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include "device/event_state.hpp"
#include "device/tensor.hpp"
#include "device/timeline.hpp"
#include "util/error.hpp"
#include "util/parallel.hpp"

namespace tessera {
namespace {

thread_local bool t_queue_thread = false;

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

void fail_event(Command& command, const std::exception_ptr& error) {
  if (auto* record = dynamic_cast<RecordEvent*>(&command)) record->fail(error);
}

}  // namespace

void Command::run_timed(Timeline& timeline, int queue) {
  const double begin = timeline.now();
  run();
  timeline.add({queue, name(), path(), begin, timeline.now()});
}

std::span<const Tensor> Command::results() const {
  return {};
}

// What a queue and its thread share. A tensor of the thread's command may be the last that holds the device:
// then the queue ends on its own thread, which goes on in here until the command is gone.
struct CommandQueue::Shared {
  explicit Shared(int queue) : id(queue) {}

  const int id;
  Timeline* timeline = nullptr;
  std::mutex mutex;
  std::condition_variable wake, idle;
  std::deque<std::shared_ptr<Command>> commands;
  bool running = false;  // a command is under way
  bool stop = false;
  int threads = 0;
  std::exception_ptr error;

  void run_one(Command& command) {
    if (timeline == nullptr) return command.run();
    command.run_timed(*timeline, id);
  }

  // Nothing when it is time to end.
  std::shared_ptr<Command> next(std::exception_ptr& failed, std::optional<ParallelShare>& share) {
    std::unique_lock lock(mutex);
    running = false;
    if (commands.empty()) idle.notify_all();
    wake.wait(lock, [&] { return stop || !commands.empty(); });
    if (stop) return nullptr;
    std::shared_ptr<Command> command = std::move(commands.front());
    commands.pop_front();
    running = true;
    failed = error;
    if (threads > 0 && !share) share.emplace(threads);
    return command;
  }

  void work() {
    t_queue_thread = true;
    std::optional<ParallelShare> share;
    std::exception_ptr failed;
    while (std::shared_ptr<Command> command = next(failed, share)) {
      try {
        if (!failed) {
          run_one(*command);
        } else {
          fail_event(*command, failed);
        }
      } catch (...) {
        const std::lock_guard lock(mutex);
        error = std::current_exception();
      }
      // What the command kept alive is given back before anybody hears that the queue is idle.
      command.reset();
    }
  }
};

CommandQueue::CommandQueue(int id) : shared_(std::make_shared<Shared>(id)) {}

CommandQueue::~CommandQueue() {
  close();
  if (!thread_.joinable()) return;
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void CommandQueue::close() {
  std::deque<std::shared_ptr<Command>> dropped;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
    dropped.swap(shared_->commands);
  }
  shared_->wake.notify_all();
  const auto closed =
      std::make_exception_ptr(SystemError(fmt::format("queue {}: the device was closed", shared_->id)));
  for (const auto& command : dropped) fail_event(*command, closed);
}

int CommandQueue::id() const {
  return shared_->id;
}

bool CommandQueue::on_queue_thread() {
  return t_queue_thread;
}

void CommandQueue::set_async(bool async) {
  finish();
  async_ = async;
  if (async && !thread_.joinable()) thread_ = std::thread([shared = shared_] { shared->work(); });
}

void CommandQueue::set_threads(int threads) {
  const std::lock_guard lock(shared_->mutex);
  shared_->threads = threads;
}

void CommandQueue::set_timeline(Timeline* timeline) {
  shared_->timeline = timeline;
}
bool CommandQueue::has_timeline() const {
  return shared_->timeline != nullptr;
}

void CommandQueue::enqueue(std::shared_ptr<Command> command) {
  if (!async_) return shared_->run_one(*command);
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->commands.push_back(std::move(command));
  }
  shared_->wake.notify_one();
}

void CommandQueue::finish() {
  if (!async_ || t_queue_thread) return;
  std::unique_lock lock(shared_->mutex);
  shared_->idle.wait(lock, [&] { return shared_->commands.empty() && !shared_->running; });
  if (shared_->error) std::rethrow_exception(std::exchange(shared_->error, nullptr));
}

Event CommandQueue::record_event() {
  auto state = std::make_shared<EventState>(id());
  enqueue(std::make_shared<RecordEvent>(state));
  return Event(std::move(state));
}

void CommandQueue::wait_for_event(const Event& event) {
  check(
      event.is_recorded(),
      "[wait_for_event] queue {}: this event was never recorded: call record_event on the other queue first",
      id());
  enqueue(std::make_shared<WaitForEvent>(event));
}

}  // namespace tessera
