#pragma once
#include <optional>

#include "nn/attention.hpp"
#include "nn/mlp.hpp"
#include "nn/moe.hpp"
#include "nn/norm.hpp"

namespace tessera::nn {

/// A decoder layer: attention and an MLP, each added to the hidden states. Which norms stand where is the
/// family's: Llama has attention_norm and mlp_norm, OLMo 2 the two output norms, Gemma 3 all four.
struct DecoderLayer {
  std::optional<Norm> attention_norm;  // before attention
  Attention self_attn;
  std::optional<Norm> attention_output_norm;  // of what attention gives, before it is added
  std::optional<Norm> mlp_norm;               // before the MLP
  Mlp mlp;
  std::optional<Moe> moe;  // in place of the MLP
  std::optional<Norm> mlp_output_norm;
  float residual_multiplier = 1.0f;  // of what is added
  /// Attention and MLP both start from the layer's input: x + attention(norm(x)) + mlp(norm(x)). Without an
  /// mlp_norm the MLP shares attention's.
  bool parallel = false;

  Tensor forward(const Tensor& x, const Step& step) const;
  /// The MLP, or the mixture of experts, without the norms and sums around it.
  Tensor feed(const Tensor& x) const { return moe ? moe->forward(x) : mlp.forward(x); }

 private:
  Tensor attended(const Tensor& normed, const Step& step) const;
  Tensor fed(const Tensor& normed) const;
};

}  // namespace tessera::nn
