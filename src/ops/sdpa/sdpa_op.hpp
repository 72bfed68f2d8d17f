#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "ops/sdpa/sdpa.hpp"

namespace tessera {

/// All four forms. Inputs: q, k, v, then by kind: Prefill: mask (may be unallocated); Decode: cur_pos;
/// PagedDecode: page_table, cur_pos; Chunked: page_table.
struct Sdpa final : Operation {
  enum class Kind : std::uint8_t { Prefill, Decode, PagedDecode, Chunked };
  Kind kind;
  bool is_causal = true;
  std::optional<float> scale;
  std::int64_t chunk_start_idx = 0;
  std::vector<float> alibi_slopes;  // [heads], or empty
  std::int64_t sliding_window_size = 0;
  float logit_softcap = 0;
  OpOptions options;

  Sdpa(Kind k, std::optional<float> s, const OpOptions& opts, std::span<const float> alibi,
       std::int64_t window, float softcap)
      : kind(k),
        scale(s),
        alibi_slopes(alibi.begin(), alibi.end()),
        sliding_window_size(window),
        logit_softcap(softcap),
        options(opts) {}
  std::string_view name() const override;
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override;
  void run_exact(Inputs inputs, Outputs outputs) const override;
  double flops(Inputs inputs, Outputs outputs) const override;
};

/// The geometry of a call, common to both engines.
struct SdpaShape {
  std::int64_t users;    // decode: batch; prefill: 1
  std::int64_t queries;  // a user: decode 1, prefill seq
  std::int64_t heads, kv_heads, head_dim;
  std::int64_t keys;   // at most, a user
  std::int64_t block;  // positions a page; unpaged: keys
  float scale;
  const std::int32_t* pages;  // [users, pages_per_user] or nullptr
  std::int64_t pages_per_user;
  const std::int32_t* cur_pos;  // [users] or nullptr
  std::int64_t first_position;  // prefill and chunked: of query 0
  bool causal;
  const float* alibi_slopes;  // [heads] or nullptr
  std::int64_t window;        // keys that a query sees, 0: all
  float softcap;              // 0: none

  std::int64_t group() const { return heads / kv_heads; }
  /// Keys that query `i` of user `u` sees: 0 for a skipped user.
  std::int64_t visible(std::int64_t u, std::int64_t i) const {
    if (cur_pos != nullptr) return cur_pos[u] + 1;
    return causal ? first_position + i + 1 : keys;
  }
  /// The first of them.
  std::int64_t first_visible(std::int64_t u, std::int64_t i) const {
    return window == 0 ? 0 : std::max<std::int64_t>(0, visible(u, i) - window);
  }
  float alibi_slope(std::int64_t head) const { return alibi_slopes == nullptr ? 0.0f : alibi_slopes[head]; }
  /// Row of q and of the output, in rows of head_dim values.
  std::int64_t q_row(std::int64_t u, std::int64_t head, std::int64_t i) const {
    return cur_pos != nullptr ? u * heads + head : head * queries + i;
  }
  /// Row of k and v that holds `position` of user `u`, in rows of head_dim values.
  std::int64_t kv_row(std::int64_t u, std::int64_t kv_head, std::int64_t position) const {
    const std::int64_t page = pages != nullptr ? pages[u * pages_per_user + position / block] : u;
    return (page * kv_heads + kv_head) * block + position % block;
  }
};

/// What ALiBi adds to the score of a key; the last of the `visible` ones is the query's own.
constexpr float alibi_bias(float slope, std::int64_t key, std::int64_t visible) {
  return slope * static_cast<float>(key - (visible - 1));
}

/// Prefill queries that share one pass over K and V on the fast engine.
constexpr std::int64_t kSdpaQueryBlock = 32;

/// Keys that the fast engine sums up before it adds them to the ones before: what threads share a decode
/// step's long contexts by.
constexpr std::int64_t kSdpaSpan = 256;

/// Throws UserError where the positions or pages point outside the cache.
SdpaShape sdpa_shape(const Sdpa& op, Inputs inputs);

}  // namespace tessera
