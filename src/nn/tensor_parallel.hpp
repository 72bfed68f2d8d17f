#pragma once
// Who has what of each weight when a model is divided among the chips of a group.
#include <cstdint>
#include <utility>
#include <vector>

#include "nn/weight_source.hpp"

namespace tessera::nn {

/// A chip's share of the attention heads, the same on every chip: `kv_heads` slots, each a key-value head
/// with `heads / kv_heads` of the query heads that attend to it. Any number of chips works: a key-value head
/// whose queries do not fit into one slot stands in several, and what is left over is heads of zeros, which
/// add nothing.
struct HeadShare {
  int heads = 0, kv_heads = 0;  // of one chip
};

/// The share that keeps the fewest keys and values, then the fewest queries. heads must be a multiple of
/// kv_heads. 9 over 3 on 2, 4, 8 chips: 6 over 2, 3 over 1, 2 over 1.
HeadShare share_heads(int heads, int kv_heads, int chips);

/// What each of so many chips has of a dimension that is divided evenly: whole tiles.
std::int64_t even_share(std::int64_t size, int chips);

/// What chip `rank` takes of a dimension of `size`, which is heads (of a model with so many in all) or
/// anything. Empty: all of it.
std::vector<Range> split_ranges(Split split, std::int64_t size, int heads, int kv_heads, int rank, int chips);

/// Hands a chip its part of every weight: the request's splits become ranges, and the source reads no more
/// than those.
class ShardedSource final : public WeightSource {
 public:
  /// `heads` and `kv_heads`: of the whole model.
  ShardedSource(WeightSource& source, TensorParallel parallel, int heads, int kv_heads)
      : source_(source), parallel_(std::move(parallel)), heads_(heads), kv_heads_(kv_heads) {}

  Device& device() const override { return source_.device(); }
  Tensor load(const WeightRequest& request) override;
  const TensorParallel& parallel() const override { return parallel_; }

 private:
  std::vector<Range> ranges(const WeightRequest& request, Split split, std::int64_t size, bool inputs) const;
  std::vector<Range> hidden_ranges(const WeightRequest& request, std::int64_t size, bool inputs) const;
  bool has_bias(Split split) const;

  WeightSource& source_;
  TensorParallel parallel_;
  int heads_, kv_heads_;
};

}  // namespace tessera::nn
