// Where each row goes is found and checked before anything is written: a refused call leaves the cache as
// it was.
#include <vector>

#include "ops/kv_cache/kv_cache_op.hpp"
#include "ops/pack_row.hpp"
#include "ops/rows.hpp"
#include "util/error.hpp"
#include "util/parallel.hpp"

namespace tessera {
namespace {

/// A place in the cache: position `offset` of block (or user) `block`; block -1: not written.
struct Slot {
  std::int64_t block, offset;
};

Slot paged_slot(std::string_view op, const Tensor& cache, const Tensor& page_table, std::int64_t user,
                std::int64_t position) {
  const std::int64_t size = cache.logical_shape()[2];
  const std::int64_t blocks = cache.logical_shape()[0];
  const std::int64_t pages = page_table.logical_shape()[1];
  check(position / size < pages, "[{}] position {} of user {}: its {} pages of {} hold fewer: give it more",
        op, position, user, pages, size);
  const std::int32_t block = page_table.data<std::int32_t>()[user * pages + position / size];
  check(block >= 0 && block < blocks, "[{}] page {} of user {} is block {}: the cache has blocks 0 to {}", op,
        position / size, user, block, blocks - 1);
  return {block, position % size};
}

Slot update_slot(std::string_view op, Inputs in, std::int64_t user) {
  const std::int64_t position = in[2].data<std::int32_t>()[user];
  check(position >= -1, "[{}] position {} of user {}: give a position, or -1 to skip the user", op, position,
        user);
  if (position < 0) return {-1, 0};
  if (in[3].is_allocated()) return paged_slot(op, in[0], in[3], user, position);
  const std::int64_t size = in[0].logical_shape()[2];
  check(position < size, "[{}] position {} of user {}: the cache has positions 0 to {}: use a longer cache",
        op, position, user, size - 1);
  return {user, position};
}

}  // namespace

void CacheWrite::run_ref(Inputs in, Outputs out) const {
  const Shape& shape = in[0].logical_shape();
  const std::int64_t heads = shape[1];
  const bool decode = kind == Kind::Update;
  // Decode: one a user; prefill: one a token.
  std::vector<Slot> slots(static_cast<std::size_t>(in[1].logical_shape()[decode ? 1 : 2]));
  const std::int64_t n = std::ssize(slots);
  for (std::int64_t i = 0; i < n; ++i) {
    Slot& slot = slots[static_cast<std::size_t>(i)];
    if (kind == Kind::Fill) slot = {batch_idx, i};
    if (kind == Kind::PagedFill) slot = paged_slot(name(), in[0], in[2], batch_idx, i);
    if (decode) slot = update_slot(name(), in, i);
  }
  parallel_for(n, row_grain(heads * shape[3]), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Slot slot = slots[static_cast<std::size_t>(i)];
      if (slot.block < 0) continue;
      for (std::int64_t h = 0; h < heads; ++h) {
        pack_row(in[1], decode ? i * heads + h : h * n + i, out[0],
                 (slot.block * heads + h) * shape[2] + slot.offset);
      }
    }
  });
}

}  // namespace tessera
