#pragma once
// A device is a spec sheet (capacity) and an engine (arithmetic).
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "device/buffer.hpp"
#include "device/command_queue.hpp"
#include "device/spec_sheet.hpp"

namespace tessera {

/// Ref: float32, plain loops, the truth inside the product. Fast: bfloat16 / block-float storage, float32
/// accumulation, SIMD. Exact: the same storage, computed as a Wormhole card computes it (docs/wormhole.md).
/// Meta: shapes and bytes only.
enum class Engine : std::uint8_t { Ref, Fast, Exact, Meta };

std::string_view to_string(Engine engine);
/// "ref", "fast", "exact", "meta"; UserError otherwise.
Engine parse_engine(std::string_view name);

class TraceStore;

/// TT-NN's limit.
constexpr int kMaxCommandQueues = 2;

struct DeviceOptions {
  int num_command_queues = 1;  // 1 or 2
  bool async = false;          // commands run on the queues' own threads
};

class Device : public std::enable_shared_from_this<Device> {
 public:
  /// Throws UserError for an unknown sheet or another number of queues.
  static std::shared_ptr<Device> open(std::string_view sheet, Engine engine,
                                      const DeviceOptions& options = {});
  ~Device();

  Engine engine() const { return engine_; }
  const SpecSheet& sheet() const { return sheet_; }

  /// Bytes of DRAM that the banks hold, now and at most: tensors as the device packs them, in whole pages in
  /// every bank.
  std::int64_t allocated_bytes() const { return memory_.allocated(); }
  std::int64_t peak_bytes() const { return memory_.peak(); }
  void reset_peak() { memory_.reset_peak(); }
  const MemoryAccount& memory() const { return memory_; }

  int num_command_queues() const { return static_cast<int>(queues_.size()); }
  /// UserError for a queue that was not asked for.
  CommandQueue& queue(int id);
  void set_async(bool async);
  bool is_async() const { return queues_[0]->is_async(); }
  /// Waits for all queues (TT-NN's synchronize_device); throws what a command failed with, the first queue's
  /// if several did. Nothing to wait for on a queue's own thread.
  void synchronize();
  /// Enters every command into a timeline; nullptr ends that.
  void set_timeline(Timeline* timeline);
  /// Whether an op must become a command: a queue is asynchronous, a timeline wants it, or a capture is under
  /// way.
  bool has_deferred_commands() const;

  /// Hands a command to the calling thread's queue (QueueScope), or to the capture under way.
  void submit(std::shared_ptr<Command> command);
  TraceStore& traces() { return *traces_; }

  // For Buffer: where memory comes from now; a capture has an arena of its own.
  const std::shared_ptr<BlockPool>& pool() const;
  /// Room in the banks. Throws UserError when they are full. `pool`: where the memory is from; a capture
  /// keeps an account of its arena.
  BankRoom take_room(const TensorSpec& spec, const MemoryConfig& config, const BlockPool* pool = nullptr);
  BankRoom take_trace_room(std::int64_t bytes) { return memory_.take(bytes, MemoryKind::Trace); }
  void give_back_trace_room(const BankRoom& room) { memory_.give_back(room); }
  void give_back_room(const BankRoom& room, const BlockPool* pool = nullptr);

 private:
  Device(const SpecSheet& sheet, Engine engine, const DeviceOptions& options);

  const SpecSheet& sheet_;
  Engine engine_;
  std::shared_ptr<BlockPool> pool_ = std::make_shared<BlockPool>();
  MemoryAccount memory_;
  std::unique_ptr<TraceStore> traces_;
  std::vector<std::unique_ptr<CommandQueue>> queues_;  // last: their threads end before what they use
};

/// The queue that this thread's ops and copies go to during its lifetime; 0 outside any.
class QueueScope {
 public:
  explicit QueueScope(int queue);
  ~QueueScope();
  QueueScope(const QueueScope&) = delete;
  QueueScope& operator=(const QueueScope&) = delete;

 private:
  int previous_;
};

int current_queue();

/// An event behind everything that queue cq_id has been given; and commands of queue cq_id that wait for one
/// (TT-NN's record_event and wait_for_event). Refused inside a capture.
Event record_event(Device& device, int cq_id);
void wait_for_event(Device& device, int cq_id, const Event& event);

}  // namespace tessera
