#pragma once
// The one door: every op call passes here, and whoever watches a run watches it here.
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ops/operation.hpp"

namespace tessera {

/// Validates, allocates, and hands the op to the queue of the inputs' device (QueueScope), or to the trace
/// being captured. Errors carry the op's name and the module path; those of an asynchronous run surface at
/// the next wait. Observers make a run synchronous: they see each op's values. All inputs must be on one
/// device.
std::vector<Tensor> dispatch(std::shared_ptr<const Operation> op, std::vector<Tensor> inputs);

template <class Op>
std::vector<Tensor> dispatch(Op op, std::vector<Tensor> inputs) {
  return dispatch(std::static_pointer_cast<const Operation>(std::make_shared<const Op>(std::move(op))),
                  std::move(inputs));
}

/// One call as observers see it. `outputs` is empty in before(). seconds: of the kernel, in after().
struct OpEvent {
  const Operation& op;
  const std::vector<Tensor>& inputs;
  const std::vector<Tensor>& outputs;
  const std::string& path;
  double seconds = 0;
};

class OpObserver {
 public:
  virtual ~OpObserver() = default;
  virtual void before(const OpEvent&) {}
  virtual void after(const OpEvent&) {}
};

/// Observes the ops that this thread dispatches during its lifetime. Scopes nest; all of them are told.
class ObserverScope {
 public:
  explicit ObserverScope(OpObserver& observer);
  ~ObserverScope();
  ObserverScope(const ObserverScope&) = delete;
  ObserverScope& operator=(const ObserverScope&) = delete;
};

/// Whether any observer watches this thread.
bool is_observed();

/// Hides all observers of this thread during its lifetime: for an observer that itself runs ops.
class UnobservedScope {
 public:
  UnobservedScope();
  ~UnobservedScope();
  UnobservedScope(const UnobservedScope&) = delete;
  UnobservedScope& operator=(const UnobservedScope&) = delete;

 private:
  std::vector<OpObserver*> hidden_;
};

/// Names the module whose forward() is running: "layers.3", "self_attn". Nested scopes join with dots.
class ModuleScope {
 public:
  explicit ModuleScope(std::string_view name);
  ~ModuleScope();
  ModuleScope(const ModuleScope&) = delete;
  ModuleScope& operator=(const ModuleScope&) = delete;

 private:
  std::size_t previous_length_;
};

/// "layers.3.self_attn", or "" outside any module.
const std::string& module_path();

}  // namespace tessera
