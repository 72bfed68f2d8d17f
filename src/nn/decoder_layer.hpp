#pragma once
#include "nn/attention.hpp"
#include "nn/mlp.hpp"

namespace tessera::nn {

/// Pre-norm decoder layer: x + attention(norm(x)), then that + mlp(norm(that)).
struct DecoderLayer {
  RmsNorm input_layernorm;
  Attention self_attn;
  RmsNorm post_attention_layernorm;
  Mlp mlp;

  Tensor forward(const Tensor& x, const Step& step) const;
};

}  // namespace tessera::nn
