#include "models/operator_map.hpp"

#include <array>

#include "ops/dispatch.hpp"
#include "ops/op_table.hpp"
#include "ops/slice/slice.hpp"
#include "util/error.hpp"

namespace tessera::models {
namespace {

std::vector<TensorSpec> specs_of(const std::vector<Tensor>& tensors) {
  std::vector<TensorSpec> specs;
  for (const Tensor& tensor : tensors) {
    if (tensor.is_allocated()) specs.push_back(tensor.spec());
  }
  return specs;
}

class CallRecorder final : public OpObserver {
 public:
  void after(const OpEvent& event) override {
    const std::string name(event.op.name());
    const OpEntry* entry = find_op(name);
    calls.push_back({event.path, name, std::string(entry == nullptr ? name : entry->ttnn),
                     event.op.attributes(), specs_of(event.inputs), specs_of(event.outputs)});
  }
  std::vector<OperatorCall> calls;
};

}  // namespace

OperatorMap map_operators(const nn::CausalLm& model, int users, int prompt) {
  check(model.device().engine() == Engine::Meta, "operator map: the {} engine would compute: use meta",
        to_string(model.device().engine()));
  check(prompt >= 1 && prompt <= model.max_seq, "operator map: a prompt of {} tokens: 1 to {} are possible",
        prompt, model.max_seq);
  check(users >= 1 && users <= 32, "operator map: {} users: 1 to 32 are supported", users);
  nn::KvCache cache(model.device(), model.cache_config(users, model.max_seq));
  OperatorMap map;
  {
    CallRecorder recorder;
    const ObserverScope scope(recorder);
    const std::vector<std::int32_t> zeros(static_cast<std::size_t>(users), 0);
    const Tensor ids =
        to_device(model.device(), zeros, {Shape{1, users}, DataType::INT32, Layout::ROW_MAJOR});
    const Tensor at = to_device(model.device(), zeros, {Shape{users}, DataType::INT32, Layout::ROW_MAJOR});
    for (int user = 0; user < users; ++user) cache.reserve(user, 1);
    model.decode(ids, at, cache);
    map.decode = std::move(recorder.calls);
  }
  cache.reserve(0, prompt);
  CallRecorder recorder;
  const ObserverScope scope(recorder);
  const std::vector<std::int32_t> tokens(static_cast<std::size_t>(prompt), 0);
  const Tensor hidden = model.prefill(tokens, cache, 0);
  const std::array<std::int64_t, 4> begin{0, 0, prompt - 1, 0}, end{1, 1, prompt, hidden.logical_shape()[3]};
  model.logits(slice(hidden, begin, end));
  map.prefill = std::move(recorder.calls);
  return map;
}

}  // namespace tessera::models
