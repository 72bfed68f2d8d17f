#include "nn/attention.hpp"

#include <array>

#include "ops/concat/concat.hpp"
#include "ops/dispatch.hpp"
#include "ops/heads/heads.hpp"
#include "ops/kv_cache/kv_cache.hpp"
#include "ops/sdpa/sdpa.hpp"
#include "ops/slice/slice.hpp"
#include "ops/typecast/typecast.hpp"
#include "util/error.hpp"

namespace tessera::nn {

using namespace tessera::experimental;
using namespace tessera::transformer;

Tensor Attention::forward(const Tensor& x, const Step& step) const {
  const ModuleScope scope("self_attn");
  const Tensor qkv = project(x, step.decode ? fidelity.qkv_decode : fidelity.qkv_prefill);
  return o_proj.forward(step.decode ? decode(qkv, step) : prefill(qkv, step),
                        {.compute_kernel_config = step.decode ? fidelity.o_decode : fidelity.o_prefill});
}

Tensor Attention::project(const Tensor& x, const Fidelity& how) const {
  const Tensor qkv = qkv_proj.forward(x, {.compute_kernel_config = how});
  return norms_projection ? normed_projection(qkv) : qkv;
}

Tensor Attention::placed(const Tensor& heads, const std::optional<Norm>& norm, const Step& step) const {
  Tensor x = norm && !norms_projection ? norm->forward(heads) : heads;
  switch (rope) {
    case RopeUse::Main:
      return step.rope->apply(x, step.rows, step.decode);
    case RopeUse::Sliding:
      return step.sliding_rope->apply(x, step.sliding_rows, step.decode);
    case RopeUse::None:
      break;
  }
  return x;
}

Tensor Attention::normed_projection(const Tensor& qkv) const {
  const Shape& shape = qkv.logical_shape();
  const std::int64_t q = q_norm->weight.logical_shape().volume();
  const std::int64_t k = q + k_norm->weight.logical_shape().volume();
  const auto channels = [&](std::int64_t begin, std::int64_t end) {
    return slice(qkv, std::array<std::int64_t, 4>{0, 0, 0, begin},
                 std::array<std::int64_t, 4>{1, 1, shape[2], end});
  };
  const std::array<Tensor, 3> parts{q_norm->forward(channels(0, q)), k_norm->forward(channels(q, k)),
                                    channels(k, shape[3])};
  return concat(parts, -1);
}

Tensor Attention::decode(const Tensor& qkv, const Step& step) const {
  const KvCache& cache = *step.cache;
  auto [q, k, v] = nlp_create_qkv_heads_decode(qkv, num_heads, num_kv_heads);
  q = placed(q, q_norm, step);
  k = placed(k, k_norm, step);
  std::optional<Tensor> pages;
  if (cache.is_paged()) pages = step.pages.is_allocated() ? step.pages : cache.page_table();
  paged_update_cache(cache.k(layer), k, step.positions, pages);
  paged_update_cache(cache.v(layer), v, step.positions, pages);
  const OpOptions options{.compute_kernel_config = fidelity.sdpa_decode, .exp_approx_mode = false};
  const Tensor attended =
      pages ? paged_scaled_dot_product_attention_decode(q, cache.k(layer), cache.v(layer), *pages,
                                                        step.positions, scale, options, alibi_slopes,
                                                        sliding_window, softcap)
            : scaled_dot_product_attention_decode(q, cache.k(layer), cache.v(layer), step.positions, scale,
                                                  options, alibi_slopes, sliding_window, softcap);
  return nlp_concat_heads_decode(attended, num_heads);
}

Tensor Attention::prefill(const Tensor& qkv, const Step& step) const {
  const KvCache& cache = *step.cache;
  auto [q, k, v] = nlp_create_qkv_heads(qkv, num_heads, num_kv_heads);
  q = placed(q, q_norm, step);
  k = placed(k, k_norm, step);
  // What decode will read back is what prefill attends to.
  if (k.dtype() != cache.config().dtype) {
    k = typecast(k, cache.config().dtype);
    v = typecast(v, cache.config().dtype);
  }
  const OpOptions options{.compute_kernel_config = fidelity.sdpa_prefill, .exp_approx_mode = false};
  if (!cache.is_paged()) {
    check(step.start == 0, "prefill at position {}: chunks need a paged cache", step.start);
    fill_cache(cache.k(layer), k, step.user);
    fill_cache(cache.v(layer), v, step.user);
    return nlp_concat_heads(scaled_dot_product_attention(q, k, v, {}, true, scale, options, alibi_slopes,
                                                         sliding_window, softcap));
  }
  paged_fill_cache(cache.k(layer), k, step.pages);
  paged_fill_cache(cache.v(layer), v, step.pages);
  if (step.start == 0)
    return nlp_concat_heads(scaled_dot_product_attention(q, k, v, {}, true, scale, options, alibi_slopes,
                                                         sliding_window, softcap));
  return nlp_concat_heads(chunked_scaled_dot_product_attention(q, cache.k(layer), cache.v(layer),
                                                               step.past_pages, step.start, scale, options,
                                                               alibi_slopes, sliding_window, softcap));
}

}  // namespace tessera::nn
