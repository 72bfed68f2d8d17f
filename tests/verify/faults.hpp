#pragma once
// Faults in the device's run, planted from outside: observers that change what an op reads or leaves.
#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ops/dispatch.hpp"

namespace tessera::verify::test {

inline bool on_fast(const OpEvent& event) {
  return event.inputs[0].device().engine() == Engine::Fast;
}

/// Changes the first output of an op at a path. Paths match by their end, so that "self_attn" means every
/// layer's.
class OutputFault final : public OpObserver {
 public:
  using Change = std::function<void(const OpEvent& event, std::vector<float>& output)>;
  OutputFault(std::string path, std::string op, Change change)
      : path_(std::move(path)), op_(std::move(op)), change_(std::move(change)), scope_(*this) {}

  void after(const OpEvent& event) override {
    if (!event.path.ends_with(path_) || event.op.name() != op_ || !on_fast(event)) return;
    const UnobservedScope unobserved;
    std::vector<float> values = event.outputs[0].to_vector();
    change_(event, values);
    Tensor output = event.outputs[0];
    copy_to_device(std::span<const float>(values), output);
  }

 private:
  std::string path_, op_;
  Change change_;
  ObserverScope scope_;
};

/// Changes an integer input of an op while it runs (positions, pages) and puts it back afterwards.
class IntegerFault final : public OpObserver {
 public:
  using Change = std::function<void(std::vector<std::int32_t>&)>;
  IntegerFault(std::string op, std::size_t input, Change change)
      : op_(std::move(op)), input_(input), change_(std::move(change)), scope_(*this) {}

  void before(const OpEvent& event) override {
    if (event.op.name() != op_ || !on_fast(event)) return;
    saved_ = event.inputs[input_].to_int_vector();
    std::vector<std::int32_t> values = saved_;
    change_(values);
    Tensor input = event.inputs[input_];
    copy_to_device(values, input);
  }
  void after(const OpEvent& event) override {
    if (event.op.name() != op_ || !on_fast(event)) return;
    Tensor input = event.inputs[input_];
    copy_to_device(saved_, input);
  }

 private:
  std::string op_;
  std::size_t input_;
  Change change_;
  std::vector<std::int32_t> saved_;
  ObserverScope scope_;
};

}  // namespace tessera::verify::test
