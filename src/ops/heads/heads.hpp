#pragma once
#include <array>

#include "ops/operation.hpp"

namespace tessera::experimental {

/// Splits the fused projection [1, 1, seq, (num_heads + 2 * num_kv_heads) * head_dim] (all Q heads, then K,
/// then V) into q [1, num_heads, seq, head_dim], k and v [1, num_kv_heads, seq, head_dim] (k [..., head_dim,
/// seq] with transpose_k). TT-NN: ttnn.experimental.nlp_create_qkv_heads.
std::array<Tensor, 3> nlp_create_qkv_heads(const Tensor& x, int num_heads, int num_kv_heads,
                                           bool transpose_k = false, const OpOptions& options = {});

/// The same for decode: x [1, 1, batch, ...] to q [1, batch, num_heads, head_dim], k and v
/// [1, batch, num_kv_heads, head_dim]. TT-NN: ttnn.experimental.nlp_create_qkv_heads_decode.
std::array<Tensor, 3> nlp_create_qkv_heads_decode(const Tensor& x, int num_heads, int num_kv_heads,
                                                  const OpOptions& options = {});

/// [1, heads, seq, head_dim] to [1, 1, seq, heads * head_dim]. TT-NN: ttnn.experimental.nlp_concat_heads.
Tensor nlp_concat_heads(const Tensor& x, const OpOptions& options = {});

/// [1, batch, heads, head_dim] to [1, 1, batch, heads * head_dim]. TT-NN:
/// ttnn.experimental.nlp_concat_heads_decode. num_heads must be x's.
Tensor nlp_concat_heads_decode(const Tensor& x, int num_heads, const OpOptions& options = {});

}  // namespace tessera::experimental
