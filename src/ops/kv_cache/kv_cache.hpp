#pragma once
// Writes into a KV cache, in place; each returns the cache. The cache is float32, bfloat16 or bfloat8_b (the
// ref engine keeps float32); x is float32 or bfloat16, for a fill the cache's dtype too, and is rounded as
// the device's packer does. One head's row of head_dim values at one position is the unit of storage.
#include <cstdint>
#include <optional>

#include "ops/operation.hpp"

namespace tessera {

/// Prefill: x [1, kv_heads, seq, head_dim] to positions 0.. of user `batch_idx` in cache
/// [batch, kv_heads, max_seq, head_dim]. TT-NN: ttnn.fill_cache.
Tensor fill_cache(Tensor cache, const Tensor& x, int batch_idx);

namespace experimental {

/// Decode: row u of x [1, batch, kv_heads, head_dim] to position update_idxs[u] of user u; -1 skips the user.
/// Without a page table the cache is [batch, kv_heads, max_seq, head_dim]. With one (int32 [batch, blocks],
/// block numbers) it is [max_num_blocks, kv_heads, block_size, head_dim]. TT-NN:
/// ttnn.experimental.paged_update_cache. UserError: a position beyond the cache or the user's pages, a block
/// outside the cache.
Tensor paged_update_cache(Tensor cache, const Tensor& x, const Tensor& update_idxs,
                          const std::optional<Tensor>& page_table = {});

/// Prefill into pages: x [1, kv_heads, seq, head_dim] to the pages in row batch_idx of page_table (int32
/// [batch, blocks]), from the start of the first page in that row. For a chunk, pass the part of the table
/// that the chunk covers. TT-NN: ttnn.experimental.paged_fill_cache.
Tensor paged_fill_cache(Tensor cache, const Tensor& x, const Tensor& page_table, int batch_idx = 0);

}  // namespace experimental
}  // namespace tessera
