#pragma once
// One model in many precisions: every weight is loaded once a dtype, and a model of any mixture is put
// together from them, so that a configuration costs no loading.
#include <map>
#include <memory>

#include "device/device.hpp"
#include "io/checkpoint.hpp"
#include "models/precision.hpp"
#include "nn/causal_lm.hpp"

namespace tessera::verify {

class ComposedModel {
 public:
  /// The checkpoint must outlive this. `positions`: of the longest text.
  ComposedModel(Engine engine, const io::Checkpoint& checkpoint, int positions);

  /// The model with weights, caches and fidelities of `precision`; embedding and norms in bfloat16, norms at
  /// TT-Transformers' fidelity. Weights are bfloat16, bfloat8_b or bfloat4_b. Throws UserError as loading
  /// does.
  nn::CausalLm compose(const models::Precision& precision);

 private:
  const nn::CausalLm& loaded(DataType weights);

  std::shared_ptr<Device> device_;
  const io::Checkpoint& checkpoint_;
  int positions_;
  std::map<DataType, std::unique_ptr<nn::CausalLm>> loaded_;
};

}  // namespace tessera::verify
