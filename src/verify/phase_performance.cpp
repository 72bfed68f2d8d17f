// Item 9: the same decode steps eagerly and from a trace, on one queue and on two, and what each costs the
// host.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "device/timeline.hpp"
#include "generate/generator.hpp"
#include "ops/argmax/argmax.hpp"
#include "ops/copy/copy.hpp"
#include "ops/fused/fused.hpp"
#include "ops/trace_check.hpp"
#include "util/clock.hpp"
#include "util/interrupt.hpp"
#include "verify/phases.hpp"
#include "verify/timeline_entries.hpp"

namespace tessera::verify {
namespace {

// A replay leaves the host with so much less to do, or it is no replay.
constexpr double kHostRatio = 5;

constexpr std::size_t kPrompt = 32, kTimelineSteps = 3;

// Steps that each of six ways runs; on exact one takes as long as ten on fast.
std::size_t compared_steps(const Session& s) {
  return s.device->engine() == Engine::Exact ? 24 : 48;
}

// What one way of running the steps gave: its tokens, all its logits, and times by step.
struct Outcome {
  std::vector<std::int32_t> next;
  std::vector<float> logits;
  std::vector<double> step_ms, host_ms;

  bool same_as(const Outcome& other) const { return next == other.next && logits == other.logits; }
};

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

// For destructors: whoever waited for the device has been told of a failure, or something else has failed.
void wait_quietly(Device& device) {
  try {
    device.synchronize();
  } catch (...) {
    return;
  }
}

// A device on asynchronous queues, and back.
class AsyncScope {
 public:
  explicit AsyncScope(Device& device) : device_(device) { device_.set_async(true); }
  ~AsyncScope() {
    wait_quietly(device_);
    device_.set_async(false);
  }
  AsyncScope(const AsyncScope&) = delete;
  AsyncScope& operator=(const AsyncScope&) = delete;

 private:
  Device& device_;
};

// Before what queued commands write into is gone.
class WaitAtEnd {
 public:
  explicit WaitAtEnd(Device& device) : device_(device) {}
  ~WaitAtEnd() { wait_quietly(device_); }
  WaitAtEnd(const WaitAtEnd&) = delete;
  WaitAtEnd& operator=(const WaitAtEnd&) = delete;

 private:
  Device& device_;
};

// The forced text behind its prefilled beginning: every way is fed the same tokens.
class Steps {
 public:
  Steps(Session& s, std::vector<std::int32_t> ids)
      : model_(*s.model), ids_(std::move(ids)), generator_(model_, {.users = 1, .context = s.context}) {
    generator_.prefill(std::span(ids_).first(kPrompt));
    generator_.cache().reserve(0, static_cast<std::int64_t>(ids_.size()));
  }

  Device& device() const { return model_.device(); }
  std::size_t count() const { return ids_.size() - kPrompt; }
  std::int32_t token(std::size_t step) const { return ids_[kPrompt + step]; }
  std::int32_t position(std::size_t step) const { return static_cast<std::int32_t>(kPrompt + step); }
  generate::TracedStep& traced() { return generator_.traced_step(1); }

  Outcome eager() {
    Outcome outcome;
    for (std::size_t i = 0; i < count(); ++i) {
      const Stopwatch clock;
      const Tensor ids = upload({1, 1}, token(i)), at = upload({1}, position(i));
      const Tensor logits = model_.decode(ids, at, generator_.cache());
      const Tensor next = argmax(logits);
      const double host = clock.milliseconds();
      finish(outcome, next, logits, clock, host);
    }
    return outcome;
  }

  /// Without the engine's fusions, whose bits every other way has to give.
  Outcome eager_op_by_op() {
    const SeparateScope separate;
    return eager();
  }

  Outcome from_trace() {
    Outcome outcome;
    generate::TracedStep& step = traced();
    for (std::size_t i = 0; i < count(); ++i) {
      const std::int32_t id = token(i), at = position(i);
      const Stopwatch clock;
      step.run(std::span(&id, 1), std::span(&at, 1));
      const double host = clock.milliseconds();
      finish(outcome, step.next(), step.logits(), clock, host);
    }
    return outcome;
  }

  /// A replay and an eager run side by side, op by op, at two of the positions.
  TraceCheck check() {
    Tensor ids = upload({1, 1}, 0), at = upload({1}, 0);
    return check_trace(
        device(),
        [&](int round) {
          const auto step = std::min(static_cast<std::size_t>(round), count() - 1);
          const std::int32_t id = token(step), where = position(step);
          copy_to_device(std::span(&id, 1), ids);
          copy_to_device(std::span(&where, 1), at);
        },
        [&] { generate::feed_step(model_, ids, at, generator_.cache()); });
  }

  /// Queue 1 writes each step's token while queue 0 runs the step before (and, with `reads`, takes its result
  /// away): the two patterns of TT-Metalium's report on advanced performance.
  Outcome two_queues(bool reads, std::size_t steps) {
    Outcome outcome;
    outcome.next.resize(steps);
    const WaitAtEnd wait(device());
    generate::TracedStep& step = traced();
    const Stopwatch clock;
    Tensor staging = upload({1, 1}, 0), result = upload({1}, 0);
    // Recorded before the loop, so that the first step waits for nothing.
    Event consumed = record_event(device(), 0), read = record_event(device(), 1);
    for (std::size_t i = 0; i < steps; ++i) {
      check_interrupt();
      const std::int32_t id = token(i), at = position(i);
      {
        const QueueScope queue(1);
        wait_for_event(device(), 1, consumed);
        copy_to_device(std::span(&id, 1), staging);
      }
      wait_for_event(device(), 0, record_event(device(), 1));
      step.run_from(staging, std::span(&at, 1));
      consumed = step.consumed();
      if (reads) wait_for_event(device(), 0, read);
      copy(step.next(), result);
      if (reads) wait_for_event(device(), 1, record_event(device(), 0));
      {
        const QueueScope queue(reads ? 1 : 0);
        copy_to_host(result, std::span(&outcome.next[i], 1));
      }
      if (reads) read = record_event(device(), 1);
    }
    device().synchronize();
    outcome.step_ms.push_back(clock.milliseconds() / static_cast<double>(steps));
    outcome.logits = step.logits().to_vector();
    return outcome;
  }

 private:
  Tensor upload(const Shape& shape, std::int32_t value) const {
    return to_device(device(), std::span<const std::int32_t>(&value, 1),
                     {shape, DataType::INT32, Layout::ROW_MAJOR});
  }

  static void finish(Outcome& outcome, const Tensor& next, const Tensor& logits, const Stopwatch& clock,
                     double host) {
    check_interrupt();
    outcome.next.push_back(next.to_int_vector()[0]);
    outcome.step_ms.push_back(clock.milliseconds());
    outcome.host_ms.push_back(host);
    const std::vector<float> row = logits.to_vector();
    outcome.logits.insert(outcome.logits.end(), row.begin(), row.end());
  }

  const nn::CausalLm& model_;
  std::vector<std::int32_t> ids_;
  generate::Generator generator_;
};

report::StepWay way(const std::string& name, const Outcome& outcome, bool equal) {
  return {name, median(outcome.step_ms), outcome.host_ms.empty() ? 0 : median(outcome.host_ms), equal};
}

// Two queues keep the last logits only.
bool same_end(const Outcome& two, const Outcome& one) {
  return two.next == one.next && two.logits.size() <= one.logits.size() &&
         std::equal(two.logits.rbegin(), two.logits.rend(), one.logits.rbegin());
}

std::vector<report::TimelineEntry> record_timeline(Steps& steps) {
  Timeline timeline;
  {
    const TimelineScope scope(steps.device(), timeline);
    steps.two_queues(true, std::min(kTimelineSteps, steps.count()));
  }
  return timeline_entries(timeline);
}

}  // namespace

void run_performance(Session& s, report::BringupReport& report) {
  const auto ids = s.forced_tokens(kPrompt + compared_steps(s));
  report::ChecklistItem& item = checklist_item(report, 9);
  if (ids.size() <= kPrompt + 1) {
    item.reason = fmt::format("the context of {} leaves no steps to measure", s.context);
    return;
  }
  Steps steps(s, ids);
  const Outcome eager = steps.eager_op_by_op();
  const Outcome traced = steps.from_trace();
  const TraceCheck checked = steps.check();
  report.ways = {way("eager", eager, true), way("traced", traced, traced.same_as(eager))};
  {
    const AsyncScope async(steps.device());
    const Outcome eager_async = steps.eager(), traced_async = steps.from_trace();
    const Outcome writes = steps.two_queues(false, steps.count());
    const Outcome both = steps.two_queues(true, steps.count());
    report.ways.push_back(way("eager, asynchronous", eager_async, eager_async.same_as(eager)));
    report.ways.push_back(way("traced, asynchronous", traced_async, traced_async.same_as(eager)));
    report.ways.push_back(way("traced, writes on a second queue", writes, same_end(writes, eager)));
    report.ways.push_back(way("traced, writes and reads on a second queue", both, same_end(both, eager)));
    report.timeline = record_timeline(steps);
  }
  const TraceInfo info = steps.traced().info();
  report.trace = {info.commands, info.region_bytes, info.arena_bytes};

  const auto differ = std::ranges::find_if(report.ways, [](const auto& w) { return !w.equal; });
  const report::StepWay &issued = report.ways[2], &replayed = report.ways[3];
  const double ratio = issued.host_ms / replayed.host_ms;
  std::string fault = checked.difference;
  if (fault.empty() && differ != report.ways.end())
    fault = fmt::format("\"{}\" gave other tokens or logits than eager", differ->name);
  if (fault.empty() && ratio < kHostRatio)
    fault = fmt::format(
        "the host spends {:.3f} ms on a traced step and {:.3f} ms on an eager one: {:.1f}x less, needs {:g}x",
        replayed.host_ms, issued.host_ms, ratio, kHostRatio);
  conclude(
      report, 9, fault.empty(),
      fmt::format(
          "{} steps traced = eager = asynchronous = two queues, bit for bit; each of {} commands replayed = "
          "eager; host time a step {:.3f} ms eager, {:.3f} ms traced: {:.1f}x less, needs {:g}x; a step "
          "{:.2f} "
          "ms eager, {:.2f} ms traced; trace region {} bytes",
          steps.count(), checked.commands, issued.host_ms, replayed.host_ms, ratio, kHostRatio,
          report.ways[0].step_ms, report.ways[1].step_ms, info.region_bytes),
      fault);
}

}  // namespace tessera::verify
