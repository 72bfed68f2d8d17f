#pragma once
// A device's commands, in order: at once on the caller's thread, or asynchronously on a thread of the queue's
// own.
#include <memory>
#include <span>
#include <string>
#include <thread>

#include "device/event.hpp"

namespace tessera {

class BlockPool;
class Tensor;
class Timeline;

/// One piece of work of a device. It keeps alive what it touches.
class Command {
 public:
  virtual ~Command() = default;
  /// On the queue's thread (or the caller's, when the queue is not asynchronous). Errors name the op and its
  /// path.
  virtual void run() = 0;
  /// The same, entered into a timeline.
  virtual void run_timed(Timeline& timeline, int queue);
  /// "linear", and where: "layers.3.mlp.gate_proj".
  virtual std::string name() const = 0;
  virtual std::string path() const { return {}; }
  /// Tensors it reads and writes: what its entry in a trace region grows with.
  virtual int operands() const { return 0; }
  /// What it computes or overwrites, for a check of a replay; empty: nothing to compare.
  virtual std::span<const Tensor> results() const;
  /// For a capture: from now on holds memory of `arena` without owning it, so that later commands may reuse
  /// it.
  virtual void unpin(const BlockPool& arena) { static_cast<void>(arena); }
};

class CommandQueue {
 public:
  explicit CommandQueue(int id);
  /// Waits for the command under way, unless it is the one that ends the queue: a tensor of a command may be
  /// the last that holds the device.
  ~CommandQueue();
  CommandQueue(const CommandQueue&) = delete;
  CommandQueue& operator=(const CommandQueue&) = delete;

  int id() const;
  bool is_async() const { return async_; }
  /// Off (the default): a command runs inside enqueue(). Waits for what is queued.
  void set_async(bool async);
  /// Commands on the queue's thread take at most so many threads of their own; 0 (the default): the
  /// process's. The chips of a mesh share the cores.
  void set_threads(int threads);
  /// Every command run is entered there; nullptr: nowhere. Not while commands are queued.
  void set_timeline(Timeline* timeline);
  bool has_timeline() const;

  /// Runs it now (errors are thrown here), or leaves it to the queue's thread.
  void enqueue(std::shared_ptr<Command> command);

  /// Waits until all commands have run. After a failing command the ones behind it are skipped; its error is
  /// thrown here, once, and the queue is as good as new. Nothing to wait for on a queue's own thread.
  void finish();
  /// Drops the commands that have not begun; whoever waits for an event among them hears of it.
  void close();
  /// Whether the caller is a command.
  static bool on_queue_thread();

  /// An event that is set when everything enqueued so far has run.
  Event record_event();
  /// Commands enqueued from now on wait for the event. UserError when it was never recorded.
  void wait_for_event(const Event& event);

 private:
  struct Shared;

  std::shared_ptr<Shared> shared_;
  bool async_ = false;
  std::thread thread_;
};

}  // namespace tessera
