#include "nn/attention.hpp"

#include "ops/dispatch.hpp"
#include "ops/heads/heads.hpp"
#include "ops/kv_cache/kv_cache.hpp"
#include "ops/sdpa/sdpa.hpp"
#include "ops/typecast/typecast.hpp"
#include "util/error.hpp"

namespace tessera::nn {

using namespace tessera::experimental;
using namespace tessera::transformer;

Tensor Attention::forward(const Tensor& x, const Step& step) const {
  const ModuleScope scope("self_attn");
  const Fidelity& in = step.decode ? fidelity.qkv_decode : fidelity.qkv_prefill;
  const Fidelity& out = step.decode ? fidelity.o_decode : fidelity.o_prefill;
  const Tensor qkv = qkv_proj.forward(x, {.compute_kernel_config = in});
  return o_proj.forward(step.decode ? decode(qkv, step) : prefill(qkv, step), {.compute_kernel_config = out});
}

Tensor Attention::decode(const Tensor& qkv, const Step& step) const {
  const KvCache& cache = *step.cache;
  auto [q, k, v] = nlp_create_qkv_heads_decode(qkv, num_heads, num_kv_heads);
  q = step.rope->apply(q, step.rows, true);
  k = step.rope->apply(k, step.rows, true);
  const std::optional<Tensor> pages = cache.is_paged() ? std::optional(cache.page_table()) : std::nullopt;
  paged_update_cache(cache.k(layer), k, step.positions, pages);
  paged_update_cache(cache.v(layer), v, step.positions, pages);
  const OpOptions options{.compute_kernel_config = fidelity.sdpa_decode};
  const Tensor attended = pages ? paged_scaled_dot_product_attention_decode(
                                      q, cache.k(layer), cache.v(layer), *pages, step.positions, {}, options)
                                : scaled_dot_product_attention_decode(q, cache.k(layer), cache.v(layer),
                                                                      step.positions, {}, options);
  return nlp_concat_heads_decode(attended, num_heads);
}

Tensor Attention::prefill(const Tensor& qkv, const Step& step) const {
  const KvCache& cache = *step.cache;
  auto [q, k, v] = nlp_create_qkv_heads(qkv, num_heads, num_kv_heads);
  q = step.rope->apply(q, step.rows, false);
  k = step.rope->apply(k, step.rows, false);
  // What decode will read back is what prefill attends to.
  if (k.dtype() != cache.config().dtype) {
    k = typecast(k, cache.config().dtype);
    v = typecast(v, cache.config().dtype);
  }
  const std::int64_t rows = q.logical_shape()[2];
  const OpOptions options{.compute_kernel_config = fidelity.sdpa_prefill};
  if (!cache.is_paged()) {
    check(step.start == 0, "prefill at position {}: chunks need a paged cache", step.start);
    fill_cache(cache.k(layer), k, step.user);
    fill_cache(cache.v(layer), v, step.user);
    return nlp_concat_heads(scaled_dot_product_attention(q, k, v, {}, true, {}, options));
  }
  const Tensor chunk_pages = cache.pages_of(step.user, step.start, rows);
  paged_fill_cache(cache.k(layer), k, chunk_pages);
  paged_fill_cache(cache.v(layer), v, chunk_pages);
  if (step.start == 0) return nlp_concat_heads(scaled_dot_product_attention(q, k, v, {}, true, {}, options));
  const Tensor pages = cache.pages_of(step.user, 0, step.start + rows);
  return nlp_concat_heads(chunked_scaled_dot_product_attention(q, cache.k(layer), cache.v(layer), pages,
                                                               step.start, {}, options));
}

}  // namespace tessera::nn
