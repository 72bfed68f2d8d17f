#include "nn/causal_lm.hpp"

#include <fmt/format.h>

#include "ops/dispatch.hpp"
#include "util/error.hpp"

namespace tessera::nn {

Tensor CausalLm::decode(const Tensor& ids, const Tensor& positions, KvCache& cache) const {
  const Step step = decode_step(positions, cache);
  return logits(run_layers(embed_tokens.forward(ids), step));
}

Tensor CausalLm::prefill(std::span<const std::int32_t> ids, KvCache& cache, int user,
                         std::int64_t start) const {
  check(!ids.empty(), "prefill: no tokens: give a prompt");
  const auto n = static_cast<std::int64_t>(ids.size());
  const Tensor tokens = to_device(device(), ids, {Shape{1, n}, DataType::INT32, Layout::ROW_MAJOR});
  const Step step = prefill_step(n, cache, user, start);
  return run_layers(embed_tokens.forward(tokens), step);
}

Tensor CausalLm::logits(const Tensor& hidden) const {
  return lm_head.forward(hidden, {.dtype = DataType::FLOAT32, .compute_kernel_config = lm_head_fidelity});
}

Tensor CausalLm::forward_layer(int layer, const Tensor& x, const Step& step) const {
  const ModuleScope scope(fmt::format("layers.{}", layer));
  return layers[static_cast<std::size_t>(layer)].forward(x, step);
}

Step CausalLm::decode_step(const Tensor& positions, KvCache& cache) const {
  const ModuleScope scope("rotary_emb");
  Step step;
  step.decode = true;
  step.cache = &cache;
  step.rope = &rope;
  step.rows = rope.gather(positions);
  step.positions = positions;
  return step;
}

Step CausalLm::prefill_step(std::int64_t rows, KvCache& cache, int user, std::int64_t start) const {
  check(start + rows <= max_seq,
        "context: {} tokens do not fit into {}: shorten the prompt or raise the context", start + rows,
        max_seq);
  const ModuleScope scope("rotary_emb");
  Step step;
  step.decode = false;
  step.cache = &cache;
  step.rope = &rope;
  step.rows = rope.range(start, rows);
  step.user = user;
  step.start = start;
  return step;
}

KvCacheConfig CausalLm::cache_config(int users, int positions) const {
  KvCacheConfig cache;
  cache.layers = config.num_hidden_layers;
  cache.kv_heads = config.num_key_value_heads;
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
