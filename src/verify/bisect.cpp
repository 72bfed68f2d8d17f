#include "verify/bisect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "generate/generator.hpp"
#include "ops/dispatch.hpp"
#include "util/error.hpp"
#include "verify/judge_ops.hpp"
#include "verify/lockstep.hpp"
#include "verify/scene.hpp"

namespace tessera::verify {
namespace {

// Two tiles of rows, the second in part.
constexpr std::size_t kPrefillTokens = 48;

using OnCase = std::function<void(std::size_t number, const OpCase&)>;

// Hands every op of a device run on as a case, with the inputs that the reference had.
class CaseObserver final : public OpObserver {
 public:
  CaseObserver(const Recording& recording, std::string mode, std::size_t& number, const OnCase& on_case)
      : recording_(recording), mode_(std::move(mode)), number_(number), on_case_(on_case) {}

  void before(const OpEvent&) override {}
  void after(const OpEvent& event) override {
    const OpRecord* reference = next_ < recording_.size() ? &recording_[next_] : nullptr;
    const bool same =
        reference != nullptr && reference->name == event.op.name() && reference->path == event.path;
    // The device's own rounding to the cache's dtype: the op that reads it is judged with it.
    if (!same && event.op.name() == "typecast") return;
    check(same, "bisect: the device runs {} in {}, the reference {}: run `tessera bringup` without --bisect",
          event.op.name(), event.path, reference == nullptr ? "no further op" : reference->name);
    ++next_;
    if (reference->inputs.empty()) return;  // a view
    on_case_(number_++, case_of(*reference, event));
  }

 private:
  OpCase case_of(const OpRecord& reference, const OpEvent& event) const {
    OpCase result{event.path, mode_, event.op.shared_from_this(), {}};
    check(event.inputs.size() == reference.inputs.size(),
          "bisect: {} in {} has {} inputs, {} in the reference", event.op.name(), event.path,
          event.inputs.size(), reference.inputs.size());
    for (std::size_t i = 0; i < event.inputs.size(); ++i) {
      const Tensor& tensor = event.inputs[i];
      const OpRecord::Value& value = reference.inputs[i];
      CaseInput input;
      input.present = tensor.is_allocated();
      if (input.present) {
        input.constant = tensor.is_constant();
        input.spec = tensor.spec();
        input.memory_config = tensor.memory_config();
        const bool integer = is_integer(tensor.dtype());
        if (integer) input.integers = value.constant ? value.tensor.to_int_vector() : value.integers;
        if (!integer) input.values = value.constant ? value.tensor.to_vector() : value.values;
      }
      result.inputs.push_back(std::move(input));
    }
    return result;
  }

  const Recording& recording_;
  std::string mode_;
  std::size_t& number_;
  const OnCase& on_case_;
  std::size_t next_ = 0;
};

// Runs the decode step and the prefill on the device; the recordings are made once.
class Runs {
 public:
  explicit Runs(Session& session) : s_(session), scene_(scene_of(session)) {
    ids_ = s_.forced_tokens(kPrefillTokens);
    generate::Generator reference(*s_.reference, {.users = 1, .context = s_.context});
    zero_cache(reference);
    prefill_ = record([&] { reference.prefill(ids_); });
  }

  void cases(const OnCase& on_case) const {
    std::size_t number = 0;
    {
      nn::KvCache cache = scene_.make_cache(*s_.model);
      const Tensor ids = scene_.ids(*s_.device), at = scene_.at(*s_.device);
      CaseObserver observer(scene_.recording, "decode", number, on_case);
      const ObserverScope scope(observer);
      s_.model->decode(ids, at, cache);
    }
    generate::Generator device(*s_.model, {.users = 1, .context = s_.context});
    zero_cache(device);
    CaseObserver observer(prefill_, "prefill", number, on_case);
    const ObserverScope scope(observer);
    device.prefill(ids_);
  }

 private:
  Session& s_;
  const DecodeScene& scene_;
  std::vector<std::int32_t> ids_;
  Recording prefill_;
};

OpError op_error(const OpCase& op_case, const LocalError& error) {
  OpError result{op_case.path, std::string(op_case.op->name()),
                 op_case.mode, layer_of(op_case.path),
                 error,        config_of(op_case)};
  for (const CaseInput& input : op_case.inputs)
    if (input.present) result.shapes += fmt::format("{} ", to_string(input.spec.logical_shape));
  return result;
}

Finding finding_of(const OpError& op, const OpCase& op_case, Device& device, const ErrorLimits& limits) {
  return {op,
          {},
          op.config ? describe(*op.config) : "the op's default",
          input_statistics(op_case),
          try_cures(op_case, device, limits),
          op_case};
}

}  // namespace

Finding examine(const OpCase& op_case, Device& device, double threshold) {
  const auto error = measure(op_case, device);
  check(error.has_value(), "{}: no output of {} holds floats: nothing to compare", op_case.path,
        op_case.op->name());
  Finding finding = finding_of(op_error(op_case, *error), op_case, device, {std::sqrt(2 * (1 - threshold))});
  const metrics::Comparison& total = error->total;
  if (!metrics::passes(total, threshold))
    finding.reason = fmt::format("PCC {:.6f}, needs {}", total.pcc, threshold);
  return finding;
}

Bisection bisect(Session& s) {
  const Runs runs(s);
  Bisection result;
  std::vector<std::size_t> numbers;  // of the cases that have a figure
  runs.cases([&](std::size_t number, const OpCase& op_case) {
    const auto error = measure(op_case, *s.device);
    if (!error) return;
    result.ops.push_back(op_error(op_case, *error));
    numbers.push_back(number);
  });
  find_odd_configs(result.ops);
  if (std::ranges::any_of(result.ops, [](const OpError& op) { return op.usual_config.has_value(); })) {
    std::size_t next = 0;
    runs.cases([&](std::size_t number, const OpCase& op_case) {
      if (next == numbers.size() || number != numbers[next]) return;
      OpError& op = result.ops[next++];
      if (!op.usual_config) return;
      const LocalError usual = *measure(with_config(op_case, *op.usual_config), *s.device);
      op.usual_arithmetic = usual.arithmetic;
      op.usual_scatter = usual.scatter;
    });
  }
  const auto found = first_out_of_line(result.ops, s.thresholds.op);
  if (!found) return result;
  runs.cases([&](std::size_t number, const OpCase& op_case) {
    if (number != numbers[found->index]) return;
    result.finding = finding_of(result.ops[found->index], op_case, *s.device, found->limits);
    result.finding->reason = found->reason;
  });
  return result;
}

}  // namespace tessera::verify
