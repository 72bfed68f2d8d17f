#include "nn/decoder_layer.hpp"

#include "nn/scale.hpp"
#include "ops/eltwise/eltwise.hpp"

namespace tessera::nn {
namespace {

Tensor normed(const std::optional<Norm>& norm, const Tensor& x) {
  return norm ? norm->forward(x) : x;
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
  const Tensor middle = add(x, attended(input, step));
  return add(middle, fed(normed(mlp_norm, middle)));
}

}  // namespace tessera::nn
