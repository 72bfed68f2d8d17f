#include "nn/moe.hpp"

#include "ops/dispatch.hpp"
#include "ops/eltwise/eltwise.hpp"
#include "ops/matmul/matmul.hpp"
#include "ops/reshape/reshape.hpp"
#include "ops/softmax/softmax.hpp"
#include "ops/sparse_matmul/sparse_matmul.hpp"
#include "ops/topk/topk.hpp"

namespace tessera::nn {
namespace {

struct Choice {
  Tensor shares;   // float32 [1, 1, rows, k]
  Tensor experts;  // uint32 [1, 1, rows, k]
};

Choice choose(const Moe& moe, const Tensor& x) {
  const Tensor scores = moe.router.forward(x, {.dtype = DataType::FLOAT32});
  const ModuleScope scope("router");
  if (moe.norm_topk_prob) {
    // Over the chosen alone: what a softmax over all gives once it is divided by its sum over these.
    const auto [best, experts] = topk(scores, moe.top_k);
    return {softmax(best), experts};
  }
  const auto [shares, experts] = topk(softmax(scores), moe.top_k);
  return {shares, experts};
}

}  // namespace

Tensor Moe::chosen(const Tensor& x) const {
  const std::int64_t rows = x.logical_shape()[2], hidden = x.logical_shape()[3];
  const auto [shares, experts] = choose(*this, x);
  const ModuleScope scope("experts");
  const Tensor in = reshape(x, {1, rows, 1, hidden});
  const Tensor gate =
      inner.join(sparse_matmul(in, experts, gate_proj, {.compute_kernel_config = fidelity.ff1_ff3}));
  const Tensor up =
      inner.join(sparse_matmul(in, experts, up_proj, {.compute_kernel_config = fidelity.ff1_ff3}));
  const Tensor out = sparse_matmul(multiply(gate, up, activation), experts, down_proj,
                                   {.compute_kernel_config = fidelity.ff2});
  const Tensor sum = matmul(reshape(shares, {1, rows, 1, top_k}), out, false, false, {.dtype = x.dtype()});
  return reshape(sum, {1, 1, rows, sum.logical_shape()[-1]});
}

Tensor Moe::shared(const Tensor& x) const {
  const ModuleScope scope("shared_expert");
  const Tensor y = shared_expert->forward(x);
  const std::int64_t rows = y.logical_shape()[2], hidden = y.logical_shape()[3];
  const Tensor share = sigmoid(shared_expert_gate->forward(x, {.dtype = DataType::FLOAT32}));
  // A factor a row is a product of matrices of one column and one row.
  const Tensor scaled = matmul(reshape(share, {1, rows, 1, 1}), reshape(y, {1, rows, 1, hidden}), false,
                               false, {.dtype = x.dtype()});
  return reshape(scaled, y.logical_shape());
}

Tensor Moe::forward(const Tensor& x) const {
  const ModuleScope scope("mlp");
  Tensor sum = chosen(x);
  if (shared_expert) sum = add(sum, shared(x));
  return parallel.join(sum);
}

}  // namespace tessera::nn
