#pragma once
#include <optional>
#include <vector>

#include "nn/mlp.hpp"

namespace tessera::nn {

/// A mixture of experts: a router gives every row a share of `top_k` of the experts, and these alone are
/// computed for it. Whose turn it is is decided on the device, so that a traced step chooses anew.
struct Moe {
  Linear router;  // [hidden, experts], in float32 like the scores and the shares
  int top_k = 1;
  /// The shares of a row sum to 1: the softmax is over the chosen experts. Otherwise it is over all of them.
  bool norm_topk_prob = true;
  // One an expert: [hidden, intermediate], [hidden, intermediate], [intermediate, hidden].
  std::vector<Tensor> gate_proj, up_proj, down_proj;
  Activation activation = Activation::Silu;
  MlpFidelity fidelity = {};
  /// What every row gets besides, times sigmoid(shared_expert_gate(x)).
  std::optional<Mlp> shared_expert = {};
  std::optional<Linear> shared_expert_gate = {};  // [hidden, 1], in float32
  Parallel inner = {};                            // what joins the chips' results of gate and up
  Parallel parallel = {};                         // and of the sum over the experts, the shared one too

  /// x [1, 1, rows, hidden] to the same.
  Tensor forward(const Tensor& x) const;

 private:
  Tensor chosen(const Tensor& x) const;
  Tensor shared(const Tensor& x) const;
};

}  // namespace tessera::nn
