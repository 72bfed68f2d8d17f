#include "ops/trace_check.hpp"

#include <cstring>
#include <vector>

#include "device/trace.hpp"
#include "ops/dispatch.hpp"
#include "ops/fused/fused.hpp"
#include "util/error.hpp"

namespace tessera {
namespace {

// A tensor's bytes as one number: whole caches are compared, and need not be kept for it.
std::uint64_t digest(std::uint64_t hash, const Tensor& tensor) {
  std::span<const std::byte> bytes = tensor.bytes();
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t n = std::min(bytes.size(), sizeof word);
    std::memcpy(&word, bytes.data(), n);
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
    hash ^= hash >> 29;
    bytes = bytes.subspan(n);
  }
  return hash;
}

// One op of a run.
struct Mark {
  std::string name, path;
  std::uint64_t hash = 0;

  Mark(std::string op, std::string where, std::span<const Tensor> results)
      : name(std::move(op)), path(std::move(where)) {
    for (const Tensor& tensor : results) hash = digest(hash, tensor);
  }
  std::string text() const { return path.empty() ? name : fmt::format("{} (in {})", name, path); }
};

class Eager final : public OpObserver {
 public:
  void after(const OpEvent& event) override {
    marks.emplace_back(std::string(event.op.name()), event.path, event.outputs);
  }
  std::vector<Mark> marks;
};

std::string first_difference(const std::vector<Mark>& replay, const std::vector<Mark>& eager, int round) {
  for (std::size_t i = 0; i < std::min(replay.size(), eager.size()); ++i) {
    const Mark &r = replay[i], &e = eager[i];
    if (r.name != e.name || r.path != e.path)
      return fmt::format("round {}: command {} of the trace is {}, eager runs {}", round, i, r.text(),
                         e.text());
    if (r.hash != e.hash)
      return fmt::format("round {}: command {}, {}: a replay computes something else than eager", round, i,
                         r.text());
  }
  if (replay.size() == eager.size()) return {};
  return fmt::format("round {}: the trace has {} commands, eager runs {}: the step depends on the host",
                     round, replay.size(), eager.size());
}

// A trace for a while.
class Capture {
 public:
  Capture(Device& device, const std::function<void()>& step)
      : device_(device), id_(begin_trace_capture(device, current_queue())) {
    try {
      step();
    } catch (...) {
      abandon_trace_capture(device);
      throw;
    }
    end_trace_capture(device, id_, current_queue());
  }
  ~Capture() { release_trace(device_, id_); }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  TraceId id() const { return id_; }

 private:
  Device& device_;
  TraceId id_;
};

}  // namespace

TraceCheck check_trace(Device& device, const std::function<void(int)>& prepare,
                       const std::function<void()>& step, int rounds) {
  prepare(0);
  const UnobservedScope alone;
  const SeparateScope separate;  // op by op, as the observed run is
  const Capture capture(device, step);
  TraceCheck result;
  for (int round = 0; round < rounds && result.difference.empty(); ++round) {
    // The replay first: what it leaves out has not been done yet.
    std::vector<Mark> replay;
    prepare(round);
    execute_trace_stepwise(device, capture.id(), [&](const Command& command) {
      replay.emplace_back(command.name(), command.path(), command.results());
    });
    Eager eager;
    prepare(round);
    {
      const ObserverScope scope(eager);
      step();
    }
    result.commands = static_cast<int>(replay.size());
    result.difference = first_difference(replay, eager.marks, round);
  }
  return result;
}

}  // namespace tessera
