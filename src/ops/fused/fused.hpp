#pragma once
// Several ops in one pass over memory, on the fast engine alone, with the bits of the ops one by one. They
// are of the engine and no ops of TT-NN: a module asks may_fuse() and otherwise calls the ops.
#include <utility>

#include "ops/linear/linear.hpp"

namespace tessera {

/// Whether ops on x's device may run as one: on the fast engine, with nobody watching, and on the host's own
/// sheet: a card's memory is accounted for by the ops that the card runs.
bool may_fuse(const Tensor& x);

/// Ops of this thread run one by one during its lifetime.
class SeparateScope {
 public:
  SeparateScope();
  ~SeparateScope();
  SeparateScope(const SeparateScope&) = delete;
  SeparateScope& operator=(const SeparateScope&) = delete;
};

/// activation(x @ gate) * (x @ up), whose two products are never in memory.
/// x [..., K], float32 or bfloat16; gate and up [K, N], both block-float or both not. Output [..., N], x's
/// dtype. The same as linear twice and multiply(., ., activation). UserError: as linear.
Tensor gated_linear(const Tensor& x, const Tensor& gate, const Tensor& up, Activation activation);

/// The sum a + b, and its rms_norm, from one pass. a and b [..., dim] of one shape, float32 or bfloat16;
/// weight as in rms_norm. Both outputs have a's shape and dtype. The same as add and rms_norm. UserError: as
/// these.
std::pair<Tensor, Tensor> add_rms_norm(const Tensor& a, const Tensor& b, float epsilon, const Tensor& weight);

}  // namespace tessera
