#include "ops/op_table.hpp"

#include <algorithm>
#include <array>

namespace tessera {
namespace {

// clang-format off
constexpr auto kOps = std::to_array<OpEntry>({
    {"add", "ttnn.add", "a + b, element-wise"},
    {"all_gather", "ttnn.all_gather", "the chips' tensors side by side, on all of them"},
    {"all_reduce", "ttnn.all_reduce", "the sum over the chips, on all of them"},
    {"argmax", "ttnn.argmax", "index of the largest value of each row"},
    {"chunked_scaled_dot_product_attention", "ttnn.transformer.chunked_scaled_dot_product_attention", "attention of a prompt chunk over a paged cache"},
    {"concat", "ttnn.concat", "tensors joined along a dimension"},
    {"copy", "ttnn.copy", "values over another tensor, in place"},
    {"embedding", "ttnn.embedding", "rows of a table picked by ids"},
    {"fill_cache", "ttnn.fill_cache", "a prompt's K or V into a user's cache"},
    {"gelu", "ttnn.gelu", "x * Phi(x)"},
    {"layer_norm", "ttnn.layer_norm", "rows with mean 0 and variance 1, scaled and shifted"},
    {"linear", "ttnn.linear", "x @ weight + bias, then an activation"},
    {"matmul", "ttnn.matmul", "product of two activations"},
    {"multiply", "ttnn.multiply", "a * b, element-wise; with silu of a: the gate of an MLP"},
    {"nlp_concat_heads", "ttnn.experimental.nlp_concat_heads", "attention heads side by side, prefill"},
    {"nlp_concat_heads_decode", "ttnn.experimental.nlp_concat_heads_decode", "attention heads side by side, decode"},
    {"nlp_create_qkv_heads", "ttnn.experimental.nlp_create_qkv_heads", "the fused projection split into Q, K and V heads, prefill"},
    {"nlp_create_qkv_heads_decode", "ttnn.experimental.nlp_create_qkv_heads_decode", "the fused projection split into Q, K and V heads, decode"},
    {"paged_fill_cache", "ttnn.experimental.paged_fill_cache", "a prompt's K or V into a user's pages"},
    {"paged_scaled_dot_product_attention_decode", "ttnn.transformer.paged_scaled_dot_product_attention_decode", "attention of one token a user over a paged cache"},
    {"paged_update_cache", "ttnn.experimental.paged_update_cache", "one token's K or V a user into the cache"},
    {"permute", "ttnn.permute", "dimensions in another order"},
    {"plus_one", "ttnn.plus_one", "positions advanced in place"},
    {"reduce_scatter", "ttnn.reduce_scatter", "the sum over the chips, a part on each"},
    {"reshape", "ttnn.reshape", "the same values under another shape"},
    {"rms_norm", "ttnn.rms_norm", "rows with root mean square 1, scaled"},
    {"rms_norm_post_all_gather", "ttnn.rms_norm_post_all_gather", "a chip's channels of a divided row, scaled by the statistics of all"},
    {"rms_norm_pre_all_gather", "ttnn.rms_norm_pre_all_gather", "sum of squares of a chip's channels of a divided row"},
    {"rotary_embedding", "ttnn.experimental.rotary_embedding", "rotary positions on halves of a head (Hugging Face)"},
    {"rotary_embedding_llama", "ttnn.experimental.rotary_embedding_llama", "rotary positions on pairs of channels (Meta)"},
    {"sampling", "ttnn.sampling", "one token a user, drawn from its candidates"},
    {"scaled_dot_product_attention", "ttnn.transformer.scaled_dot_product_attention", "attention of a prompt"},
    {"scaled_dot_product_attention_decode", "ttnn.transformer.scaled_dot_product_attention_decode", "attention of one token a user"},
    {"sigmoid", "ttnn.sigmoid", "1 / (1 + e^-x)"},
    {"silu", "ttnn.silu", "x * sigmoid(x)"},
    {"slice", "ttnn.slice", "a range of every dimension"},
    {"softmax", "ttnn.softmax", "rows as probabilities"},
    {"sparse_matmul", "ttnn.sparse_matmul", "each row times the experts that it picked"},
    {"subtract", "ttnn.subtract", "a - b, element-wise"},
    {"tanh", "ttnn.tanh", "the hyperbolic tangent"},
    {"to_layout", "ttnn.to_layout", "row-major or tiles"},
    {"topk", "ttnn.topk", "the largest values of each row and their indices"},
    {"transpose", "ttnn.transpose", "two dimensions swapped"},
    {"typecast", "ttnn.typecast", "the same values in another dtype"},
});
// clang-format on

static_assert(std::ranges::is_sorted(kOps, {}, &OpEntry::name));

}  // namespace

std::span<const OpEntry> op_table() {
  return kOps;
}

const OpEntry* find_op(std::string_view name) {
  const auto found = std::ranges::lower_bound(kOps, name, {}, &OpEntry::name);
  return found != kOps.end() && found->name == name ? &*found : nullptr;
}

}  // namespace tessera
