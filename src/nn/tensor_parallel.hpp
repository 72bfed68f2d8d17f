#pragma once
// Who has what when a layer is divided among the chips of a group (1D tensor parallelism: columns, then
// rows).
#include <cstdint>
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

/// What chip `rank` takes of a dimension of `size`, which is heads (of a model with so many in all) or
/// anything. Empty: all of it.
std::vector<Range> split_ranges(Split split, std::int64_t size, int heads, int kv_heads, int rank, int chips);

/// Hands a chip its part of every weight: the request's splits become ranges, and the source reads no more
/// than those.
class ShardedSource final : public WeightSource {
 public:
  /// `heads` and `kv_heads`: of the whole model.
  ShardedSource(WeightSource& source, std::shared_ptr<comm::Group> group, int heads, int kv_heads)
      : source_(source), group_(std::move(group)), heads_(heads), kv_heads_(kv_heads) {}

  Device& device() const override { return source_.device(); }
  Tensor load(const WeightRequest& request) override;
  std::shared_ptr<comm::Group> group() const override { return group_; }

 private:
  std::vector<Range> ranges(Split split, std::int64_t size) const;

  WeightSource& source_;
  std::shared_ptr<comm::Group> group_;
  int heads_, kv_heads_;
};

}  // namespace tessera::nn
