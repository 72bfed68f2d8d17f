#include "nn/decoder_layer.hpp"

#include "ops/eltwise/eltwise.hpp"

namespace tessera::nn {

Tensor DecoderLayer::forward(const Tensor& x, const Step& step) const {
  const Tensor attended = add(x, self_attn.forward(input_layernorm.forward(x), step));
  return add(attended, mlp.forward(post_attention_layernorm.forward(attended)));
}

}  // namespace tessera::nn
