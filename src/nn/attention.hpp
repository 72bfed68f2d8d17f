#pragma once
#include <optional>
#include <vector>

#include "nn/fidelity.hpp"
#include "nn/layers.hpp"
#include "nn/norm.hpp"
#include "nn/step.hpp"

namespace tessera::nn {

/// Multi-head attention with grouped queries and rotary positions.
struct Attention {
  int layer = 0;
  int num_heads = 0, num_kv_heads = 0;
  Linear qkv_proj;  // [hidden, (num_heads + 2 * num_kv_heads) * head_dim]
  Linear o_proj;    // [num_heads * head_dim, hidden]
  // Of every head of q and k before they are rotated, [head_dim].
  std::optional<Norm> q_norm = {}, k_norm = {};
  bool norms_projection = false;    // instead: of all heads of a row together, [heads * head_dim]
  std::optional<float> scale = {};  // of q k^T; default 1/sqrt(head_dim)
  int sliding_window = 0;           // keys that a query sees, its own included; 0: all
  float softcap = 0.0f;             // of the scores; 0: none
  RopeUse rope = RopeUse::Main;
  std::vector<float> alibi_slopes = {};  // [num_heads], of the scaled scores; empty: none
  AttentionFidelity fidelity = {};

  /// x [1, 1, rows, hidden]; writes this step's keys and values into the cache.
  Tensor forward(const Tensor& x, const Step& step) const;
  /// Queries, keys and values of x, [1, 1, rows, (num_heads + 2 * num_kv_heads) * head_dim], normalised where
  /// the norm is of all heads together.
  Tensor project(const Tensor& x, const Fidelity& how) const;
  /// Queries or keys at the positions of a step: heads [1, heads, rows, head_dim] (prefill) or [1, users,
  /// heads, head_dim] (decode), normalised where the norm is of each head, and rotated.
  Tensor placed(const Tensor& heads, const std::optional<Norm>& norm, const Step& step) const;

 private:
  /// qkv with its queries and keys normalised, row by row.
  Tensor normed_projection(const Tensor& qkv) const;
  Tensor decode(const Tensor& qkv, const Step& step) const;
  Tensor prefill(const Tensor& qkv, const Step& step) const;
};

}  // namespace tessera::nn
