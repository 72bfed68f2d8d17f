#include "ops/sdpa/sdpa.hpp"

#include <fmt/ranges.h>

#include <cmath>

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/sdpa/sdpa_op.hpp"

namespace tessera {
namespace {

using Kind = Sdpa::Kind;

bool is_decode(Kind kind) {
  return kind == Kind::Decode || kind == Kind::PagedDecode;
}
bool is_paged(Kind kind) {
  return kind == Kind::PagedDecode || kind == Kind::Chunked;
}

// Positions and pages come from tensors, so they are checked when the values are there: not on the meta
// engine.
void check_positions(const Sdpa& op, const SdpaShape& s) {
  for (std::int64_t u = 0; u < s.users; ++u) {
    const std::int64_t visible = s.visible(u, s.queries - 1);
    check(visible >= 0 && visible <= s.keys, "[{}] user {}: position {} in a cache of {}: use a larger cache",
          op.name(), u, visible - 1, s.keys);
  }
}

void check_pages(const Sdpa& op, const SdpaShape& s, std::int64_t num_blocks) {
  for (std::int64_t u = 0; u < s.users; ++u) {
    const std::int64_t used = (s.visible(u, s.queries - 1) + s.block - 1) / s.block;
    for (std::int64_t p = s.first_visible(u, 0) / s.block; p < used; ++p) {
      const std::int32_t page = s.pages[u * s.pages_per_user + p];
      check(page >= 0 && page < num_blocks,
            "[{}] user {}: page {} of a cache of {} blocks: fix the page table", op.name(), u, page,
            num_blocks);
    }
  }
}

}  // namespace

std::string_view Sdpa::name() const {
  switch (kind) {
    case Kind::Prefill:
      return "scaled_dot_product_attention";
    case Kind::Decode:
      return "scaled_dot_product_attention_decode";
    case Kind::PagedDecode:
      return "paged_scaled_dot_product_attention_decode";
    case Kind::Chunked:
      return "chunked_scaled_dot_product_attention";
  }
  return "?";
}

std::string Sdpa::attributes() const {
  std::string text = scale ? fmt::format("scale={:g}", *scale) : "scale=1/sqrt(head_dim)";
  if (kind == Kind::Chunked) text += fmt::format(" chunk_start_idx={}", chunk_start_idx);
  if (kind == Kind::Prefill && !is_causal) text += " is_causal=false";
  if (!alibi_slopes.empty()) text += fmt::format(" alibi_slopes={:g}", fmt::join(alibi_slopes, ","));
  if (sliding_window_size > 0) text += fmt::format(" sliding_window_size={}", sliding_window_size);
  if (logit_softcap > 0) text += fmt::format(" logit_softcap={:g}", logit_softcap);
  return text;
}

void Sdpa::validate(Inputs in) const {
  check_float_rows(name(), in[0]);
  for (std::size_t i = 0; i < 3; ++i) check_rank(name(), i == 0 ? "q" : i == 1 ? "k" : "v", in[i], 4);
  const Shape& q = in[0].logical_shape();
  const Shape& k = in[1].logical_shape();
  check(k == in[2].logical_shape() && in[1].form() == in[2].form() && !is_integer(in[1].dtype()) &&
            !is_strips(in[1].form()),
        "[{}] k {} and v {}: two caches of one shape and dtype expected", name(), to_string(in[1].spec()),
        to_string(in[2].spec()));
  check(q[3] == k[3], "[{}] q {} and k {}: one head_dim expected", name(), to_string(q), to_string(k));
  const std::int64_t heads = is_decode(kind) ? q[2] : q[1];
  check(k[1] > 0 && heads % k[1] == 0, "[{}] {} query heads over {} KV heads: a multiple expected", name(),
        heads, k[1]);
  check(q[0] == 1, "[{}] q {}: [1, ...] expected", name(), to_string(q));
  const std::int64_t users = is_decode(kind) ? q[1] : 1;
  if (is_paged(kind)) {
    check_integers(name(), "page_table", in[3]);
    check(in[3].logical_shape().rank() == 2 && in[3].logical_shape()[0] >= users,
          "[{}] page_table {}: [{}, blocks] expected", name(), to_string(in[3].spec()), users);
    check(k[2] > 0, "[{}] k {}: blocks of at least one position expected", name(), to_string(in[1].spec()));
  }
  if (is_decode(kind)) {
    const Tensor& cur_pos = in[kind == Kind::PagedDecode ? 4 : 3];
    check_integers(name(), "cur_pos", cur_pos);
    check(cur_pos.logical_shape().volume() == users, "[{}] cur_pos {}: {} positions expected", name(),
          to_string(cur_pos.spec()), users);
    check(is_paged(kind) || k[0] >= users, "[{}] {} users over a cache of {}: use a larger cache", name(),
          users, k[0]);
  }
  if (kind == Kind::Prefill) {
    check(k[0] == 1 && (!is_causal || k[2] == q[2]), "[{}] q {} and k {}: one sequence expected", name(),
          to_string(q), to_string(k));
    check(!in[3].is_allocated() || (!is_causal && in[3].logical_shape().volume() == q[2] * k[2]),
          "[{}] attn_mask: [1, 1, {}, {}] and is_causal=false expected", name(), q[2], k[2]);
    if (in[3].is_allocated()) check_float_rows(name(), in[3]);
  }
  check(kind != Kind::Chunked || chunk_start_idx >= 0, "[{}] chunk_start_idx {}: >= 0 expected", name(),
        chunk_start_idx);
  check(sliding_window_size >= 0 && (sliding_window_size == 0 || is_causal) && logit_softcap >= 0,
        "[{}] sliding_window_size {}{}, logit_softcap {}: neither may be negative, and a window is causal",
        name(), sliding_window_size, is_causal ? "" : " without is_causal", logit_softcap);
  check(alibi_slopes.empty() || (is_causal && static_cast<std::int64_t>(alibi_slopes.size()) == heads),
        "[{}] {} ALiBi slopes, {} heads{}: one a head of causal attention expected", name(),
        alibi_slopes.size(), heads, is_causal ? "" : ", not causal");
  check_output(name(), options);
}

std::vector<OutputSpec> Sdpa::output_specs(Inputs in) const {
  return {same_as(in[0], options)};
}

double Sdpa::flops(Inputs in, Outputs) const {
  const Shape& q = in[0].logical_shape();
  if (in[0].form() == Form::None)
    return 4.0 * static_cast<double>(q.volume()) * static_cast<double>(in[1].logical_shape()[2]);
  const SdpaShape s = sdpa_shape(*this, in);
  double keys = 0;
  for (std::int64_t u = 0; u < s.users; ++u) {
    for (std::int64_t i = 0; i < s.queries; ++i)
      keys += static_cast<double>(s.visible(u, i) - s.first_visible(u, i));
  }
  return 4.0 * keys * static_cast<double>(s.heads * s.head_dim);
}

SdpaShape sdpa_shape(const Sdpa& op, Inputs in) {
  const Shape& q = in[0].logical_shape();
  const Shape& k = in[1].logical_shape();
  SdpaShape s{};
  const bool decode = is_decode(op.kind);
  s.users = decode ? q[1] : 1;
  s.queries = decode ? 1 : q[2];
  s.heads = decode ? q[2] : q[1];
  s.kv_heads = k[1];
  s.head_dim = q[3];
  s.block = k[2];
  s.keys = k[2];
  s.scale = op.scale.value_or(1.0f / std::sqrt(static_cast<float>(s.head_dim)));
  s.causal = op.is_causal;
  s.window = op.sliding_window_size;
  s.softcap = op.logit_softcap;
  s.alibi_slopes = op.alibi_slopes.empty() ? nullptr : op.alibi_slopes.data();
  if (is_paged(op.kind)) {
    s.pages = in[3].data<const std::int32_t>();
    s.pages_per_user = in[3].logical_shape()[1];
    s.keys = s.pages_per_user * s.block;
  }
  if (decode) s.cur_pos = in[op.kind == Kind::PagedDecode ? 4 : 3].data<const std::int32_t>();
  if (op.kind == Kind::Chunked) s.first_position = op.chunk_start_idx;
  check_positions(op, s);
  if (s.pages != nullptr) check_pages(op, s, k[0]);
  return s;
}

namespace transformer {

bool is_attention(std::string_view op) {
  return op.find("scaled_dot_product_attention") != std::string_view::npos;
}

Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                    const std::optional<Tensor>& attn_mask, bool is_causal,
                                    std::optional<float> scale, const OpOptions& options,
                                    std::span<const float> alibi_slopes, std::int64_t sliding_window_size,
                                    float logit_softcap) {
  Sdpa op(Kind::Prefill, scale, options, alibi_slopes, sliding_window_size, logit_softcap);
  op.is_causal = is_causal;
  return dispatch(op, {q, k, v, attn_mask.value_or(Tensor{})})[0];
}

Tensor scaled_dot_product_attention_decode(const Tensor& q, const Tensor& k, const Tensor& v,
                                           const Tensor& cur_pos, std::optional<float> scale,
                                           const OpOptions& options, std::span<const float> alibi_slopes,
                                           std::int64_t sliding_window_size, float logit_softcap) {
  return dispatch(Sdpa(Kind::Decode, scale, options, alibi_slopes, sliding_window_size, logit_softcap),
                  {q, k, v, cur_pos})[0];
}

Tensor paged_scaled_dot_product_attention_decode(const Tensor& q, const Tensor& k, const Tensor& v,
                                                 const Tensor& page_table, const Tensor& cur_pos,
                                                 std::optional<float> scale, const OpOptions& options,
                                                 std::span<const float> alibi_slopes,
                                                 std::int64_t sliding_window_size, float logit_softcap) {
  return dispatch(Sdpa(Kind::PagedDecode, scale, options, alibi_slopes, sliding_window_size, logit_softcap),
                  {q, k, v, page_table, cur_pos})[0];
}

Tensor chunked_scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                            const Tensor& page_table, std::int64_t chunk_start_idx,
                                            std::optional<float> scale, const OpOptions& options,
                                            std::span<const float> alibi_slopes,
                                            std::int64_t sliding_window_size, float logit_softcap) {
  Sdpa op(Kind::Chunked, scale, options, alibi_slopes, sliding_window_size, logit_softcap);
  op.chunk_start_idx = chunk_start_idx;
  return dispatch(op, {q, k, v, page_table})[0];
}

}  // namespace transformer
}  // namespace tessera
