#include "nn/decoder_layer.hpp"

#include <utility>

#include "nn/scale.hpp"
#include "ops/dispatch.hpp"
#include "ops/eltwise/eltwise.hpp"
#include "ops/fused/fused.hpp"

namespace tessera::nn {
namespace {

Tensor normed(const std::optional<Norm>& norm, const Tensor& x) {
  return norm ? norm->forward(x) : x;
}

// a + b, and this normed.
std::pair<Tensor, Tensor> added(const Tensor& a, const Tensor& b, const std::optional<Norm>& norm) {
  if (norm && norm->kind == io::NormKind::Rms && !norm->bias && !norm->parallel.group && may_fuse(a)) {
    const ModuleScope scope(norm->name);
    return add_rms_norm(a, b, norm->epsilon, norm->weight);
  }
  Tensor sum = add(a, b);
  Tensor normal = normed(norm, sum);
  return {std::move(sum), std::move(normal)};
}

}  // namespace

Tensor DecoderLayer::attended(const Tensor& x, const Step& step) const {
  return scaled(normed(attention_output_norm, self_attn.forward(x, step)), residual_multiplier);
}

Tensor DecoderLayer::fed(const Tensor& x) const {
  return scaled(normed(mlp_output_norm, feed(x)), residual_multiplier);
}

Tensor DecoderLayer::forward(const Tensor& x, const Step& step) const {
  const Tensor input = normed(attention_norm, x);
  if (parallel) {
    const Tensor sum = add(x, attended(input, step));
    return add(sum, fed(mlp_norm ? mlp_norm->forward(x) : input));
  }
  const auto [middle, normal] = added(x, attended(input, step), mlp_norm);
  return add(middle, fed(normal));
}

}  // namespace tessera::nn
