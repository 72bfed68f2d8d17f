#pragma once
#include "ops/operation.hpp"

namespace tessera::experimental {

/// Rotary position embedding (Su et al. 2021) on pairs of channels (2i, 2i + 1), Meta's layout.
/// TT-NN: ttnn.experimental.rotary_embedding_llama. Where TT-NN takes a trans_mat (the pair swap as a 32x32
/// matrix) the swap is implied here.
/// Prefill: x [1, heads, seq, head_dim], cos and sin [1, 1, seq, head_dim]: one row a token.
/// Decode: x [1, batch, heads, head_dim], cos and sin [1, batch, 1, head_dim]: one row a user.
/// cos and sin hold each frequency's value at both channels it rotates (2i and 2i + 1): float32 or bfloat16.
/// Output: x's shape and dtype. head_dim must be even.
Tensor rotary_embedding_llama(const Tensor& x, const Tensor& cos, const Tensor& sin,
                              bool is_decode_mode = false, const OpOptions& options = {});

/// The same on channels (i, i + head_dim/2), Hugging Face's layout: cos and sin hold each frequency at both
/// halves. TT-NN: ttnn.experimental.rotary_embedding.
Tensor rotary_embedding(const Tensor& x, const Tensor& cos, const Tensor& sin, bool is_decode_mode = false,
                        const OpOptions& options = {});

}  // namespace tessera::experimental
