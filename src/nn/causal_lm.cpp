#include "nn/causal_lm.hpp"

#include <fmt/format.h>

#include <array>

#include "nn/scale.hpp"
#include "ops/dispatch.hpp"
#include "ops/slice/slice.hpp"
#include "util/error.hpp"

namespace tessera::nn {
namespace {

// The users of a step out of all users of a cache.
Tensor first_rows(const Tensor& table, std::int64_t rows) {
  const Shape& shape = table.logical_shape();
  if (shape[0] <= rows) return table;
  return slice(table, std::array<std::int64_t, 2>{0, 0}, std::array<std::int64_t, 2>{rows, shape[1]});
}

}  // namespace

Tensor CausalLm::decode(const Tensor& ids, const Tensor& positions, KvCache& cache) const {
  const Step step = decode_step(positions, cache);
  return logits(run_layers(embed(ids, &step), step));
}

Tensor CausalLm::prefill(std::span<const std::int32_t> ids, KvCache& cache, int user,
                         std::int64_t start) const {
  check(!ids.empty(), "prefill: no tokens: give a prompt");
  const auto n = static_cast<std::int64_t>(ids.size());
  const Tensor tokens = to_device(device(), ids, {Shape{1, n}, DataType::INT32, Layout::ROW_MAJOR});
  const Step step = prefill_step(n, cache, user, start);
  return run_layers(embed(tokens, &step), step);
}

Tensor CausalLm::prefill(const Tensor& ids, const Tensor& pages, KvCache& cache) const {
  Step step = rows_step(ids.logical_shape().volume(), cache, 0);
  step.pages = pages;
  return run_layers(embed(ids, &step), step);
}

Tensor CausalLm::embed(const Tensor& ids, const Step* step) const {
  const Tensor hidden = embed_tokens.forward(ids);
  const ModuleScope scope("embed_tokens");
  const Tensor x = scaled(hidden, config.embedding_multiplier);
  return step != nullptr && step->embedded_positions.is_allocated() ? add(x, step->embedded_positions) : x;
}

Tensor CausalLm::logits(const Tensor& hidden) const {
  const Tensor scores =
      lm_head.forward(hidden, {.dtype = DataType::FLOAT32, .compute_kernel_config = lm_head_fidelity});
  const ModuleScope scope("lm_head");
  return soft_capped(scaled(scores, config.logits_multiplier), config.final_softcap);
}

Tensor CausalLm::forward_layer(int layer, const Tensor& x, const Step& step) const {
  const ModuleScope scope(fmt::format("layers.{}", layer));
  return layers[static_cast<std::size_t>(layer)].forward(x, step);
}

Step CausalLm::decode_step(const Tensor& positions, KvCache& cache) const {
  Step step;
  if (cache.is_paged()) step.pages = first_rows(cache.page_table(), positions.logical_shape().volume());
  if (embed_positions) step.embedded_positions = embed_positions->gather(positions);
  const ModuleScope scope("rotary_emb");
  step.decode = true;
  step.cache = &cache;
  if (rope) {
    step.rope = &*rope;
    step.rows = rope->gather(positions);
  }
  if (sliding_rope) {
    step.sliding_rope = &*sliding_rope;
    step.sliding_rows = sliding_rope->gather(positions);
  }
  step.positions = positions;
  return step;
}

Step CausalLm::prefill_step(std::int64_t rows, KvCache& cache, int user, std::int64_t start) const {
  Step step = rows_step(rows, cache, start);
  step.user = user;
  if (cache.is_paged()) {
    step.pages = cache.pages_of(user, start, rows);
    if (start > 0) step.past_pages = cache.pages_of(user, 0, start + rows);
  }
  return step;
}

Step CausalLm::rows_step(std::int64_t rows, KvCache& cache, std::int64_t start) const {
  check(start + rows <= max_seq,
        "context: {} tokens do not fit into {}: shorten the prompt or raise the context", start + rows,
        max_seq);
  Step step;
  if (embed_positions) step.embedded_positions = embed_positions->range(start, rows);
  const ModuleScope scope("rotary_emb");
  step.decode = false;
  step.cache = &cache;
  if (rope) {
    step.rope = &*rope;
    step.rows = rope->range(start, rows);
  }
  if (sliding_rope) {
    step.sliding_rope = &*sliding_rope;
    step.sliding_rows = sliding_rope->range(start, rows);
  }
  step.start = start;
  return step;
}

KvCacheConfig CausalLm::cache_config(int users, int positions) const {
  KvCacheConfig cache;
  cache.layers = config.num_hidden_layers;
  cache.kv_heads = layers.empty() ? config.num_key_value_heads : layers.front().self_attn.num_kv_heads;
  cache.head_dim = config.head_dim;
  cache.max_users = users;
  cache.max_seq = positions;
  cache.dtype = kv_dtype;
  return cache;
}

Tensor CausalLm::run_layers(Tensor hidden, const Step& step) const {
  for (int i = 0; i < static_cast<int>(layers.size()); ++i) hidden = forward_layer(i, hidden, step);
  return norm.forward(hidden);
}

}  // namespace tessera::nn
