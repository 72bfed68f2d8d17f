#include "ops/dispatch.hpp"

#include <utility>

#include "ops/isa.hpp"
#include "util/clock.hpp"
#include "util/error.hpp"

namespace tessera {
namespace {

thread_local std::vector<OpObserver*> t_observers;
thread_local std::string t_path;

std::string with_path(const char* text) {
  return t_path.empty() ? std::string(text) : fmt::format("{} (in {})", text, t_path);
}

void check_one_device(const Operation& op, const std::vector<Tensor>& inputs) {
  check(!inputs.empty() && inputs[0].is_allocated(), "[{}] no input tensor: give a tensor on a device",
        op.name());
  for (const Tensor& input : inputs) {
    check(!input.is_allocated() || &input.device() == &inputs[0].device(),
          "[{}] inputs on two devices: move them to one with to_device", op.name());
  }
}

void run(const Operation& op, const std::vector<Tensor>& inputs, std::vector<Tensor>& outputs) {
  switch (inputs[0].device().engine()) {
    case Engine::Ref:
      return op.run_ref(inputs, outputs);
    case Engine::Fast:
      current_isa();  // honours TESSERA_ISA before the first kernel
      return op.run_fast(inputs, outputs);
    case Engine::Exact:
      current_isa();
      return op.run_exact(inputs, outputs);
    case Engine::Meta:
      return;
  }
}

}  // namespace

std::vector<Tensor> Operation::make_outputs(Inputs inputs) const {
  std::vector<Tensor> outputs;
  for (const OutputSpec& output : output_specs(inputs)) {
    outputs.push_back(allocate_tensor_on_device(inputs[0].device(), output.spec, output.memory_config));
  }
  return outputs;
}

std::vector<Tensor> dispatch(const Operation& op, std::vector<Tensor> inputs) {
  try {
    check_one_device(op, inputs);
    op.validate(inputs);
    std::vector<Tensor> outputs;
    if (t_observers.empty()) {
      outputs = op.make_outputs(inputs);
      run(op, inputs, outputs);
      return outputs;
    }
    for (OpObserver* observer : t_observers) observer->before({op, inputs, outputs, t_path, 0});
    outputs = op.make_outputs(inputs);
    const Stopwatch clock;
    run(op, inputs, outputs);
    const double seconds = clock.seconds();
    for (OpObserver* observer : t_observers) observer->after({op, inputs, outputs, t_path, seconds});
    return outputs;
  } catch (const UserError& error) {
    throw UserError(with_path(error.what()));
  } catch (const SystemError& error) {
    throw SystemError(with_path(error.what()));
  }
}

ObserverScope::ObserverScope(OpObserver& observer) {
  t_observers.push_back(&observer);
}
ObserverScope::~ObserverScope() {
  t_observers.pop_back();
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
