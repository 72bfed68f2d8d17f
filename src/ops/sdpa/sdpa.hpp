#pragma once
// Scaled dot-product attention, softmax(q k^T * scale + mask) v, with grouped-query heads: query head h reads
// KV head h / (num_heads / num_kv_heads). All four forms add up a query's keys in the same order, so that
// prefill, decode, chunked and paged give the same bits on the same cache.
//
// sliding_window_size: how many keys a causal query sees, its own included; 0: all. Keys outside are never
// read. logit_softcap: scores s (after the scale) become cap * tanh(s / cap) (Gemma 2); 0: they stay. TT-NN
// has no such argument. alibi_slopes: ALiBi, one slope a query head or none; a causal query's score of a key
// `distance` positions before it loses slope * distance (after the scale). TT-NN has no such argument: there
// it is an attn_mask.
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "ops/operation.hpp"

namespace tessera::transformer {

/// Prefill: q [1, heads, seq, head_dim], k and v [1, kv_heads, seq, head_dim]; causal when is_causal, else
/// attn_mask [1, 1, seq, seq] (added; optional). scale: default 1/sqrt(head_dim). Output as q. TT-NN:
/// ttnn.transformer.scaled_dot_product_attention.
Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                    const std::optional<Tensor>& attn_mask = {}, bool is_causal = true,
                                    std::optional<float> scale = {}, const OpOptions& options = {},
                                    std::span<const float> alibi_slopes = {},
                                    std::int64_t sliding_window_size = 0, float logit_softcap = 0);

/// Decode: q [1, batch, heads, head_dim], k and v caches [batch, kv_heads, max_seq, head_dim], cur_pos int32
/// [batch]: user u attends to positions 0..cur_pos[u]; -1 skips the user (its output is 0). TT-NN:
/// ttnn.transformer.scaled_dot_product_attention_decode.
Tensor scaled_dot_product_attention_decode(const Tensor& q, const Tensor& k, const Tensor& v,
                                           const Tensor& cur_pos, std::optional<float> scale = {},
                                           const OpOptions& options = {},
                                           std::span<const float> alibi_slopes = {},
                                           std::int64_t sliding_window_size = 0, float logit_softcap = 0);

/// The same over pages: k and v [max_num_blocks, kv_heads, block_size, head_dim], page_table int32 [batch,
/// blocks]. TT-NN: ttnn.transformer.paged_scaled_dot_product_attention_decode.
Tensor paged_scaled_dot_product_attention_decode(
    const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& page_table, const Tensor& cur_pos,
    std::optional<float> scale = {}, const OpOptions& options = {}, std::span<const float> alibi_slopes = {},
    std::int64_t sliding_window_size = 0, float logit_softcap = 0);

/// A chunk of a prompt over pages that already hold it and everything before: q [1, heads, chunk, head_dim];
/// row i is position chunk_start_idx + i; page_table int32 [1, blocks]. TT-NN:
/// ttnn.transformer.chunked_scaled_dot_product_attention.
Tensor chunked_scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                            const Tensor& page_table, std::int64_t chunk_start_idx,
                                            std::optional<float> scale = {}, const OpOptions& options = {},
                                            std::span<const float> alibi_slopes = {},
                                            std::int64_t sliding_window_size = 0, float logit_softcap = 0);

/// Whether this is the name of one of them.
bool is_attention(std::string_view op);

}  // namespace tessera::transformer
