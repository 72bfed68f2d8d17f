#pragma once
// What a forward pass needs besides its input: where it is, and the cache.
#include <cstdint>

#include "device/tensor.hpp"
#include "nn/kv_cache.hpp"
#include "nn/rope.hpp"

namespace tessera::nn {

/// Which tables a layer rotates queries and keys with.
enum class RopeUse : std::uint8_t { Main, Sliding, None };

struct Step {
  bool decode = true;
  KvCache* cache = nullptr;
  const Rope* rope = nullptr;
  RopeRows rows;                       // cos and sin of this step's rows
  const Rope* sliding_rope = nullptr;  // where layers with a sliding window have tables of their own
  RopeRows sliding_rows;
  Tensor embedded_positions;  // [1, 1, rows, hidden], where the model has learned positions
  Tensor positions;           // decode: int32 [batch], -1 for an idle user
  int user = 0;               // prefill: whose prompt
  std::int64_t start = 0;     // prefill: position of row 0; > 0 in a later chunk
  Tensor pages;       // paged. prefill: int32 [1, blocks] that these rows fill; decode: [batch, blocks],
                      // the whole table when it is not given
  Tensor past_pages;  // prefill, paged, start > 0: int32 [1, blocks] of positions 0 to the chunk's last
};

}  // namespace tessera::nn
