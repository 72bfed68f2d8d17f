#include "nn/tensor_parallel.hpp"

#include <algorithm>
#include <tuple>

#include "util/error.hpp"

namespace tessera::nn {
namespace {

int divide_up(int a, int b) {
  return a / b + (a % b != 0 ? 1 : 0);
}

void add(std::vector<Range>& ranges, Range range) {
  if (range.count > 0) ranges.push_back(range);
}

// Slot by slot of a chip: the key-value head, or its share of the queries that attend to it.
std::vector<Range> head_ranges(bool queries, std::int64_t size, int heads, int kv_heads, int rank,
                               int chips) {
  const HeadShare share = share_heads(heads, kv_heads, chips);
  const int group = heads / kv_heads, per_slot = share.heads / share.kv_heads;
  const int slots_per_head = divide_up(group, per_slot);
  const std::int64_t dim = size / (queries ? heads : kv_heads);
  std::vector<Range> ranges;
  for (int slot = rank * share.kv_heads; slot < (rank + 1) * share.kv_heads; ++slot) {
    const int kv_head = slot / slots_per_head, first = slot % slots_per_head * per_slot;
    const bool idle = kv_head >= kv_heads;
    if (!queries) {
      add(ranges, {idle ? -1 : kv_head * dim, dim});
      continue;
    }
    const int here = idle ? 0 : std::min(per_slot, group - first);
    add(ranges, {(kv_head * group + first) * dim, here * dim});
    add(ranges, {-1, (per_slot - here) * dim});
  }
  return ranges;
}

}  // namespace

HeadShare share_heads(int heads, int kv_heads, int chips) {
  check(kv_heads > 0 && chips > 0 && heads % kv_heads == 0,
        "tensor parallel: {} heads over {} key-value heads on {} chips: a multiple expected", heads, kv_heads,
        chips);
  const int group = heads / kv_heads;
  HeadShare best;
  for (int per_slot = 1; per_slot <= group; ++per_slot) {
    const int slots = divide_up(kv_heads * divide_up(group, per_slot), chips);
    const HeadShare share{slots * per_slot, slots};
    if (best.heads == 0 || std::tie(share.kv_heads, share.heads) < std::tie(best.kv_heads, best.heads))
      best = share;
  }
  return best;
}

std::int64_t even_share(std::int64_t size, int chips) {
  const std::int64_t tiles = (size + kTileSize - 1) / kTileSize;
  return (tiles + chips - 1) / chips * kTileSize;
}

std::vector<Range> split_ranges(Split split, std::int64_t size, int heads, int kv_heads, int rank,
                                int chips) {
  switch (split) {
    case Split::QHeads:
    case Split::KvHeads:
      return head_ranges(split == Split::QHeads, size, heads, kv_heads, rank, chips);
    case Split::Hidden:
    case Split::Even: {
      // Whole tiles, so that a chip's block-float groups are those of the whole weight.
      const std::int64_t part = even_share(size, chips);
      const std::int64_t first = std::min(size, rank * part), here = std::min(part, size - first);
      std::vector<Range> ranges;
      add(ranges, {first, here});
      add(ranges, {-1, part - here});
      return ranges;
    }
    case Split::Whole:
      break;
  }
  return {};
}

const TensorParallel& WeightSource::parallel() const {
  static const TensorParallel alone;
  return alone;
}

std::vector<Range> ShardedSource::hidden_ranges(const WeightRequest& request, std::int64_t size,
                                                bool inputs) const {
  const int chips = parallel_.hidden_parts();
  if (chips == 1) return {};
  const bool of_the_stream = request.kind != WeightRequest::Kind::Matrix && !request.once;
  if (parallel_.form() == TensorForm::Grid || of_the_stream)
    return split_ranges(Split::Hidden, size, heads_, kv_heads_, parallel_.hidden_part(), chips);
  // Linears of a fractured stream take whole rows, and give rows that divide.
  const std::int64_t padding = even_share(size, chips) * chips - size;
  if (inputs || padding == 0) return {};
  return {{0, size}, {-1, padding}};
}

std::vector<Range> ShardedSource::ranges(const WeightRequest& request, Split split, std::int64_t size,
                                         bool inputs) const {
  if (split == Split::Hidden) return hidden_ranges(request, size, inputs);
  if (parallel_.parts() == 1) return {};
  return split_ranges(split, size, heads_, kv_heads_, parallel_.part(), parallel_.parts());
}

// Behind inputs that are divided among the parts, or (in a grid) among the columns, one chip of the sum has
// it.
bool ShardedSource::has_bias(Split split) const {
  if (split == Split::Hidden) return parallel_.part() == 0;
  return parallel_.form() != TensorForm::Grid || parallel_.hidden_part() == 0;
}

Tensor ShardedSource::load(const WeightRequest& request) {
  WeightRequest part = request;
  for (WeightPart& p : part.parts) {
    p.ranges = ranges(request, p.split, p.rows, false);
    if (request.once && !has_bias(p.split)) p.ranges = {{-1, taken(p.ranges, p.rows)}};
  }
  part.col_ranges = ranges(request, part.cols_split, part.cols, true);
  return source_.load(part);
}

}  // namespace tessera::nn
