// Attention by blocks of 64 keys with a running maximum and sum (Milakov and Gimelshein 2018; Dao et al.
// 2022). The query heads of a group, and in prefill a block of queries, share one pass over K and V.
//
// A query's arithmetic depends on its keys alone: blocks start at multiples of 64, keys before its first and
// beyond its last are never read and count as -inf, sums run in the order of positions. So prefill, decode,
// chunked and paged agree to the bit.
#include <algorithm>
#include <limits>
#include <vector>

#include "ops/rows.hpp"
#include "ops/sdpa/sdpa_op.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/sdpa/sdpa_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/bfp8_row-inl.hpp"
#include "ops/sdpa/sdpa_block-inl.hpp"
#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

std::int64_t row_bytes(const Tensor& cache, std::int64_t dim) {
  switch (cache.form()) {
    case Form::RowsBfp8:
      return bfp8_row_bytes(dim);
    case Form::RowsBf16:
      return dim * 2;
    default:
      return dim * 4;
  }
}

// Asks for `count` rows of a cache that lie one behind the other. A block is converted and multiplied while
// the next one comes; the hardware does not see it coming, as a page has only some KiB of a head.
HWY_INLINE void expect_rows(const Tensor& cache, std::int64_t row, std::int64_t count, std::int64_t dim) {
  const std::int64_t bytes = row_bytes(cache, dim);
  const auto* at = cache.data<const std::byte>() + row * bytes;
  for (std::int64_t i = 0; i < count * bytes; i += 64) __builtin_prefetch(at + i, 0, 2);
}

// Such rows as float32.
void load_rows(const Tensor& cache, std::int64_t row, std::int64_t count, std::int64_t dim, float* out) {
  if (cache.form() == Form::RowsBfp8) {
    const std::int64_t bytes = bfp8_row_bytes(dim);
    for (std::int64_t r = 0; r < count; ++r) {
      bfp8_row_to_f32(cache.data<const std::uint8_t>() + (row + r) * bytes, static_cast<std::size_t>(dim),
                      out + r * dim);
    }
    return;
  }
  with_rows(cache, [&](const auto* rows) {
    const auto* from = rows + row * dim;
    for_lanes(static_cast<std::size_t>(count * dim),
              [&](auto d, std::size_t i) { hn::StoreU(load_f32(d, from + i), d, out + i); });
  });
}

struct Buffers {
  std::vector<float> rows, keys, values, q, sums;
  std::vector<Query> queries;
};

Buffers& buffers(std::size_t dim, std::size_t queries) {
  static thread_local Buffers b;
  b.rows.resize(std::max(b.rows.size(), kKeys * dim));
  b.keys.resize(std::max(b.keys.size(), kKeys * dim));
  b.values.resize(std::max(b.values.size(), kKeys * dim));
  b.q.resize(std::max(b.q.size(), queries * dim));
  b.sums.resize(std::max(b.sums.size(), queries * dim));
  b.queries.resize(std::max(b.queries.size(), queries));
  return b;
}

// Calls body(position, count) for what [begin, end) has of each page: positions of a page are neighbours.
template <class Body>
HWY_INLINE void for_each_page(const SdpaShape& s, std::int64_t begin, std::int64_t end, const Body& body) {
  for (std::int64_t at = begin, n = 0; at < end; at += n) {
    n = std::min(end - at, s.block - at % s.block);
    body(at, n);
  }
}

// Queries [first, last) of one user against one KV head, for every query head of the group.
void attend(const SdpaShape& s, Inputs in, const float* mask, Tensor& out, std::int64_t user,
            std::int64_t kv_head, std::int64_t first, std::int64_t last) {
  const auto dim = static_cast<std::size_t>(s.head_dim);
  const std::int64_t group = s.group();
  const auto count = static_cast<std::size_t>((last - first) * group);
  Buffers& b = buffers(dim, count);
  std::fill_n(b.sums.begin(), count * dim, 0.0f);
  std::int64_t least = std::numeric_limits<std::int64_t>::max(), most = 0;
  const auto head_of = [&](std::size_t n) { return kv_head * group + static_cast<std::int64_t>(n) % group; };
  const auto query_of = [&](std::size_t n) { return first + static_cast<std::int64_t>(n) / group; };
  for (std::size_t n = 0; n < count; ++n) {
    const std::int64_t i = query_of(n);
    float* q = b.q.data() + n * dim;
    with_rows(in[0], [&](const auto* rows) {
      const auto* row = rows + s.q_row(user, head_of(n), i) * s.head_dim;
      for_lanes(dim, [&](auto d, std::size_t c) {
        hn::StoreU(hn::Mul(load_f32(d, row + c), hn::Set(d, s.scale)), d, q + c);
      });
    });
    const std::int64_t visible = s.visible(user, i);
    b.queries[n] = {q,
                    b.sums.data() + n * dim,
                    kMinusInf,
                    0.0f,
                    s.first_visible(user, i),
                    visible,
                    mask == nullptr ? nullptr : mask + i * s.keys,
                    s.alibi_slope(head_of(n)),
                    s.softcap};
    most = std::max(most, visible);
    least = std::min(least, b.queries[n].begin);
  }
  for (std::int64_t block = least / kKeys * kKeys; block < most; block += kKeys) {
    // What lies before every window is not read.
    for_each_page(s, std::max(block, least), std::min(block + kKeys, most),
                  [&](std::int64_t at, std::int64_t n) {
                    const std::int64_t row = s.kv_row(user, kv_head, at);
                    load_rows(in[1], row, n, s.head_dim, b.rows.data() + (at - block) * s.head_dim);
                    load_rows(in[2], row, n, s.head_dim, b.values.data() + (at - block) * s.head_dim);
                  });
    for_each_page(s, block + kKeys, std::min(block + 2 * kKeys, most), [&](std::int64_t at, std::int64_t n) {
      const std::int64_t row = s.kv_row(user, kv_head, at);
      expect_rows(in[1], row, n, s.head_dim);
      expect_rows(in[2], row, n, s.head_dim);
    });
    turn(b.rows.data(), dim, b.keys.data());
    attend_block(b.queries.data(), count, {b.keys.data(), b.values.data(), block, dim});
  }
  with_rows(out, [&](auto* rows) {
    for (std::size_t n = 0; n < count; ++n) {
      auto* y = rows + s.q_row(user, head_of(n), query_of(n)) * s.head_dim;
      const float inverse = b.queries[n].weight > 0 ? 1.0f / b.queries[n].weight : 0.0f;
      for_lanes(dim, [&](auto d, std::size_t c) {
        store_f32(hn::Mul(hn::LoadU(d, b.queries[n].sum + c), hn::Set(d, inverse)), d, y + c);
      });
    }
  });
}

// Items [begin, end) of users x KV heads x blocks of queries.
void attend_items(const SdpaShape& s, Inputs in, const float* mask, Tensor& out, std::int64_t begin,
                  std::int64_t end) {
  for (std::int64_t item = begin; item < end; ++item) {
    const std::int64_t heads = s.users * s.kv_heads;
    const std::int64_t first = item / heads * kSdpaQueryBlock;
    const std::int64_t rest = item % heads;
    attend(s, in, mask, out, rest / s.kv_heads, rest % s.kv_heads, first,
           std::min(first + kSdpaQueryBlock, s.queries));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera {
HWY_EXPORT(attend_items);

void Sdpa::run_fast(Inputs in, Outputs out) const {
  const SdpaShape s = sdpa_shape(*this, in);
  std::vector<float> mask;
  if (kind == Kind::Prefill && in[3].is_allocated()) mask = in[3].to_vector();
  const float* mask_data = mask.empty() ? nullptr : mask.data();
  const std::int64_t blocks = (s.queries + kSdpaQueryBlock - 1) / kSdpaQueryBlock;
  const std::int64_t items = blocks * s.users * s.kv_heads;
  // Later queries see more keys: threads take turns, so that none has all the long ones.
  const std::int64_t threads = std::min<std::int64_t>(num_threads(), items);
  parallel_for(threads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      for (std::int64_t item = t; item < items; item += threads) {
        HWY_DYNAMIC_DISPATCH(attend_items)(s, in, mask_data, out[0], item, item + 1);
      }
    }
  });
}

}  // namespace tessera
#endif
