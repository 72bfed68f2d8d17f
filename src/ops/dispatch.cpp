#include "ops/dispatch.hpp"

#include <span>
#include <utility>

#include "device/trace.hpp"
#include "ops/isa.hpp"
#include "util/clock.hpp"
#include "util/error.hpp"

namespace tessera {
namespace {

thread_local std::vector<OpObserver*> t_observers;
thread_local std::string t_path;

std::string with_path(const char* text, const std::string& path) {
  return path.empty() ? std::string(text) : fmt::format("{} (in {})", text, path);
}

void check_one_device(const Operation& op, const std::vector<Tensor>& inputs) {
  check(!inputs.empty() && inputs[0].is_allocated(), "[{}] no input tensor: give a tensor on a device",
        op.name());
  for (const Tensor& input : inputs) {
    check(!input.is_allocated() || &input.device() == &inputs[0].device(),
          "[{}] inputs on two devices: move them to one with to_device", op.name());
  }
}

void run(const Operation& op, Engine engine, Inputs inputs, Outputs outputs) {
  switch (engine) {
    case Engine::Ref:
      return op.run_ref(inputs, outputs);
    case Engine::Fast:
      return op.run_fast(inputs, outputs);
    case Engine::Exact:
      current_isa();
      return op.run_exact(inputs, outputs);
    case Engine::Meta:
      return;
  }
}

// An op's run as a command of a queue or of a trace.
class OpCommand final : public Command {
 public:
  OpCommand(std::shared_ptr<const Operation> op, std::vector<Tensor> inputs, std::vector<Tensor> outputs)
      : op_(std::move(op)),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        engine_(inputs_[0].device().engine()),
        path_(t_path) {}

  void run() override {
    try {
      tessera::run(*op_, engine_, inputs_, outputs_);
    } catch (const UserError& error) {
      throw UserError(with_path(error.what(), path_));
    } catch (const SystemError& error) {
      throw SystemError(with_path(error.what(), path_));
    }
  }
  std::string name() const override { return std::string(op_->name()); }
  std::string path() const override { return path_; }
  std::span<const Tensor> results() const override { return outputs_; }
  int operands() const override { return static_cast<int>(inputs_.size() + outputs_.size()); }
  void unpin(const BlockPool& arena) override {
    for (auto* tensors : {&inputs_, &outputs_}) {
      for (Tensor& tensor : *tensors) tensor = tensor.unpinned(arena);
    }
  }

 private:
  std::shared_ptr<const Operation> op_;
  std::vector<Tensor> inputs_, outputs_;
  Engine engine_;
  std::string path_;
};

// Before and after a synchronous run.
void run_observed(const Operation& op, const std::vector<Tensor>& inputs, std::vector<Tensor>& outputs) {
  const std::vector<OpObserver*> observers = t_observers;
  inputs[0].device().synchronize();
  for (OpObserver* observer : observers) observer->before({op, inputs, outputs, t_path, 0});
  outputs = op.make_outputs(inputs);
  const Stopwatch clock;
  run(op, inputs[0].device().engine(), inputs, outputs);
  const double seconds = clock.seconds();
  for (OpObserver* observer : observers) observer->after({op, inputs, outputs, t_path, seconds});
}

}  // namespace

std::vector<Tensor> Operation::make_outputs(Inputs inputs) const {
  std::vector<Tensor> outputs;
  for (const OutputSpec& output : output_specs(inputs)) {
    outputs.push_back(allocate_output(inputs[0].device(), output.spec, output.memory_config));
  }
  return outputs;
}

std::vector<Tensor> dispatch(std::shared_ptr<const Operation> op, std::vector<Tensor> inputs) {
  std::vector<Tensor> outputs;
  std::shared_ptr<Command> command;
  try {
    check_one_device(*op, inputs);
    op->validate(inputs);
    Device& device = inputs[0].device();
    if (device.engine() == Engine::Fast) current_isa();  // honours TESSERA_ISA before the first kernel
    const bool deferred = device.has_deferred_commands();
    if (!op->is_replayable()) device.traces().refuse(op->name());
    if (!t_observers.empty() && !device.traces().is_capturing()) {
      run_observed(*op, inputs, outputs);
      return outputs;
    }
    outputs = op->make_outputs(inputs);
    if (!deferred) {
      run(*op, device.engine(), inputs, outputs);
      return outputs;
    }
    command = std::make_shared<OpCommand>(std::move(op), std::move(inputs), outputs);
  } catch (const UserError& error) {
    throw UserError(with_path(error.what(), t_path));
  } catch (const SystemError& error) {
    throw SystemError(with_path(error.what(), t_path));
  }
  outputs[0].device().submit(std::move(command));
  return outputs;
}

ObserverScope::ObserverScope(OpObserver& observer) {
  t_observers.push_back(&observer);
}
ObserverScope::~ObserverScope() {
  t_observers.pop_back();
}

bool is_observed() {
  return !t_observers.empty();
}

UnobservedScope::UnobservedScope() : hidden_(std::exchange(t_observers, {})) {}
UnobservedScope::~UnobservedScope() {
  t_observers = std::move(hidden_);
}

ModuleScope::ModuleScope(std::string_view name) : previous_length_(t_path.size()) {
  if (!t_path.empty()) t_path += '.';
  t_path += name;
}
ModuleScope::~ModuleScope() {
  t_path.resize(previous_length_);
}

const std::string& module_path() {
  return t_path;
}

}  // namespace tessera
