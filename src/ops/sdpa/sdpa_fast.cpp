// Attention by blocks of 64 keys with a running maximum and sum (Milakov and Gimelshein 2018; Dao et al.
// 2022). The query heads of a group, and in prefill a block of queries, share one pass over K and V.
//
// A query's arithmetic depends on its keys alone: blocks start at multiples of 64 and spans at multiples of
// 256, keys before its first and beyond its last are never read and count as -inf, sums run in the order of
// positions within a span, and spans are added in their order. So prefill, decode, chunked and paged agree to
// the bit, and so does a decode step whose spans are shared among threads.
#include <algorithm>
#include <vector>

#include "ops/rows.hpp"
#include "ops/sdpa/sdpa_op.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/sdpa/sdpa_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/sdpa/sdpa_block-inl.hpp"
#include "ops/sdpa/sdpa_keys-inl.hpp"
#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

// Up to so many queries take a block in pairs of bfloat16.
constexpr std::size_t kPairQueries = 8;

struct Buffers {
  std::vector<float> rows, keys, values, q, sums, totals;
  std::vector<bf16> pair_rows, pair_values;
  std::vector<std::uint32_t> pairs;
  std::vector<Query> queries;
  std::vector<Part> parts;
};

Buffers& buffers(std::int64_t dim, std::int64_t queries) {
  static thread_local Buffers b;
  for (auto* floats : {&b.rows, &b.keys, &b.values}) grown(*floats, kKeys * dim);
  for (auto* halves : {&b.pair_rows, &b.pair_values}) grown(*halves, kKeys * dim);
  for (auto* floats : {&b.q, &b.sums, &b.totals}) grown(*floats, queries * dim);
  grown(b.pairs, kKeys * dim / 2);
  grown(b.queries, queries);
  grown(b.parts, queries);
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

// Queries [first, last) of one user that meet one KV head, those of every query head of the group.
struct Group {
  const SdpaShape& s;
  std::int64_t user, kv_head, first, last;

  std::int64_t count() const { return (last - first) * s.group(); }
  std::int64_t head(std::int64_t n) const { return kv_head * s.group() + n % s.group(); }
  std::int64_t query(std::int64_t n) const { return first + n / s.group(); }
  // Its row of q and of the output.
  std::int64_t row(std::int64_t n) const { return s.q_row(user, head(n), query(n)); }
  // Keys that some query sees.
  std::int64_t begin() const { return s.first_visible(user, first); }
  std::int64_t end() const { return s.visible(user, last - 1); }
};

void prepare_queries(const Group& group, const Tensor& q_tensor, const float* mask, Buffers& b) {
  const SdpaShape& s = group.s;
  const auto dim = static_cast<std::size_t>(s.head_dim);
  for (std::int64_t n = 0; n < group.count(); ++n) {
    float* q = b.q.data() + n * s.head_dim;
    with_rows(q_tensor, [&](const auto* rows) {
      const auto* row = rows + group.row(n) * s.head_dim;
      for_lanes(dim, [&](auto d, std::size_t c) {
        hn::StoreU(hn::Mul(load_f32(d, row + c), hn::Set(d, s.scale)), d, q + c);
      });
    });
    const std::int64_t i = group.query(n);
    b.queries[static_cast<std::size_t>(n)] = {q,
                                              {b.sums.data() + n * s.head_dim, kMinusInf, 0.0f},
                                              s.first_visible(group.user, i),
                                              s.visible(group.user, i),
                                              mask == nullptr ? nullptr : mask + i * s.keys,
                                              s.alibi_slope(group.head(n)),
                                              s.softcap};
  }
}

// Rows [begin, end) of the block that starts at `block`; those before and behind are not read.
template <class T>
void load_block(const Group& group, const Tensor& cache, std::int64_t block, std::int64_t begin,
                std::int64_t end, T* rows) {
  const SdpaShape& s = group.s;
  for_each_page(s, begin, end, [&](std::int64_t at, std::int64_t n) {
    load_rows(cache, s.kv_row(group.user, group.kv_head, at), n, s.head_dim,
              rows + (at - block) * s.head_dim);
  });
}

// The parts of all queries over the blocks of keys [begin, end), a span or what the queries see of one.
void attend_span(const Group& group, Inputs in, std::int64_t begin, std::int64_t end, Buffers& b) {
  const SdpaShape& s = group.s;
  const auto count = static_cast<std::size_t>(group.count());
  const auto dim = static_cast<std::size_t>(s.head_dim);
  const bool in_pairs =
      count <= kPairQueries && dim % 2 == 0 && in[1].form() != Form::RowsF32 && in[2].form() != Form::RowsF32;
  for (std::int64_t block = begin / kKeys * kKeys; block < end; block += kKeys) {
    const std::int64_t from = std::max(block, begin), to = std::min(block + kKeys, end);
    Ahead ahead;
    for_each_page(s, block + kKeys, std::min(block + 2 * kKeys, group.end()),
                  [&](std::int64_t at, std::int64_t n) {
                    const std::int64_t row = s.kv_row(group.user, group.kv_head, at);
                    ahead.add(in[1], row, n, s.head_dim);
                    ahead.add(in[2], row, n, s.head_dim);
                  });
    if (in_pairs) {
      load_block(group, in[1], block, from, to, b.pair_rows.data());
      load_block(group, in[2], block, from, to, b.pair_values.data());
      turn(reinterpret_cast<const std::uint32_t*>(b.pair_rows.data()), dim / 2, b.pairs.data());
      attend_block(b.queries.data(), count, PairBlock{b.pairs.data(), b.pair_values.data(), block, dim},
                   ahead);
    } else {
      load_block(group, in[1], block, from, to, b.rows.data());
      load_block(group, in[2], block, from, to, b.values.data());
      turn(b.rows.data(), dim, b.keys.data());
      attend_block(b.queries.data(), count, FloatBlock{b.keys.data(), b.values.data(), block, dim}, ahead);
    }
  }
}

void store_row(const Part& total, std::size_t dim, Tensor& out, std::int64_t row) {
  const float inverse = total.weight > 0 ? 1.0f / total.weight : 0.0f;
  with_rows(out, [&](auto* rows) {
    auto* y = rows + row * static_cast<std::int64_t>(dim);
    for_lanes(dim, [&](auto d, std::size_t c) {
      store_f32(hn::Mul(hn::LoadU(d, total.sum + c), hn::Set(d, inverse)), d, y + c);
    });
  });
}

// All spans of a group, one after the other.
void attend(const Group& group, Inputs in, const float* mask, Tensor& out) {
  const SdpaShape& s = group.s;
  const auto dim = static_cast<std::size_t>(s.head_dim);
  const std::int64_t count = group.count();
  Buffers& b = buffers(s.head_dim, count);
  prepare_queries(group, in[0], mask, b);
  std::fill_n(b.totals.begin(), count * s.head_dim, 0.0f);
  for (std::int64_t n = 0; n < count; ++n)
    b.parts[static_cast<std::size_t>(n)] = {b.totals.data() + n * s.head_dim, kMinusInf, 0.0f};
  for (std::int64_t at = group.begin(), next = 0; at < group.end(); at = next) {
    next = std::min((at / kSdpaSpan + 1) * kSdpaSpan, group.end());
    std::fill_n(b.sums.begin(), count * s.head_dim, 0.0f);
    for (std::int64_t n = 0; n < count; ++n) {
      Part& part = b.queries[static_cast<std::size_t>(n)].part;
      part.largest = kMinusInf;
      part.weight = 0;
    }
    attend_span(group, in, at, next, b);
    for (std::size_t n = 0; n < static_cast<std::size_t>(count); ++n)
      add_part(b.queries[n].part, dim, b.parts[n]);
  }
  for (std::int64_t n = 0; n < count; ++n)
    store_row(b.parts[static_cast<std::size_t>(n)], dim, out, group.row(n));
}

// Items [begin, end) of users x KV heads x blocks of queries.
void attend_items(const SdpaShape& s, Inputs in, const float* mask, Tensor& out, std::int64_t begin,
                  std::int64_t end) {
  for (std::int64_t item = begin; item < end; ++item) {
    const std::int64_t heads = s.users * s.kv_heads;
    const std::int64_t first = item / heads * kSdpaQueryBlock;
    const std::int64_t rest = item % heads;
    attend({s, rest / s.kv_heads, rest % s.kv_heads, first, std::min(first + kSdpaQueryBlock, s.queries)}, in,
           mask, out);
  }
}

// A decode step's item of users x KV heads x spans: leaves its queries' parts in `parts`, [item][group] of
// sum [dim], largest, weight.
void attend_one_span(const SdpaShape& s, Inputs in, std::int64_t spans, std::int64_t item, float* parts) {
  const std::int64_t pair = item / spans, span = item % spans;
  const Group group{s, pair / s.kv_heads, pair % s.kv_heads, 0, 1};
  const std::int64_t count = group.count(), size = s.head_dim + 2;
  Buffers& b = buffers(s.head_dim, count);
  prepare_queries(group, in[0], nullptr, b);
  float* out = parts + item * count * size;
  std::fill_n(out, count * size, 0.0f);
  for (std::int64_t n = 0; n < count; ++n) b.queries[static_cast<std::size_t>(n)].part.sum = out + n * size;
  const std::int64_t begin = std::max(span * kSdpaSpan, group.begin());
  attend_span(group, in, begin, std::min((span + 1) * kSdpaSpan, group.end()), b);
  for (std::int64_t n = 0; n < count; ++n) {
    const Part& part = b.queries[static_cast<std::size_t>(n)].part;
    out[n * size + s.head_dim] = part.largest;
    out[n * size + s.head_dim + 1] = part.weight;
  }
}

// The parts of user and KV head `pair` added up, and the rows of the output. Overwrites the first span's.
void add_spans(const SdpaShape& s, std::int64_t spans, std::int64_t pair, float* parts, Tensor& out) {
  const Group group{s, pair / s.kv_heads, pair % s.kv_heads, 0, 1};
  const auto dim = static_cast<std::size_t>(s.head_dim);
  const std::int64_t count = group.count(), size = s.head_dim + 2;
  const auto part_of = [&](std::int64_t span, std::int64_t n) {
    float* at = parts + ((pair * spans + span) * count + n) * size;
    return Part{at, at[dim], at[dim + 1]};
  };
  for (std::int64_t n = 0; n < count; ++n) {
    Part total = part_of(0, n);
    for (std::int64_t span = 1; span < spans; ++span) add_part(part_of(span, n), dim, total);
    store_row(total, dim, out, group.row(n));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera {
HWY_EXPORT(attend_items);
HWY_EXPORT(attend_one_span);
HWY_EXPORT(add_spans);

namespace {

// Threads take turns: later queries see more keys, and so may later users.
template <class Body>
void in_turn(std::int64_t items, const Body& body) {
  const std::int64_t threads = std::min<std::int64_t>(num_threads(), items);
  parallel_for(threads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      for (std::int64_t item = t; item < items; item += threads) body(item);
    }
  });
}

// Spans of the longest user's keys.
std::int64_t decode_spans(const SdpaShape& s) {
  std::int64_t most = 0;
  for (std::int64_t u = 0; u < s.users; ++u) most = std::max(most, s.visible(u, 0));
  return (most + kSdpaSpan - 1) / kSdpaSpan;
}

}  // namespace

void Sdpa::run_fast(Inputs in, Outputs out) const {
  const SdpaShape s = sdpa_shape(*this, in);
  const std::int64_t pairs = s.users * s.kv_heads;
  if (s.cur_pos != nullptr && pairs < 4 * num_threads()) {
    // Too few for each thread to have its share.
    const std::int64_t spans = decode_spans(s);
    if (spans > 1) {
      static thread_local std::vector<float> buffer;
      const std::int64_t most = (s.keys + kSdpaSpan - 1) / kSdpaSpan;  // room for the longest, once
      float* parts = grown(buffer, pairs * most * s.group() * (s.head_dim + 2));
      in_turn(pairs * spans,
              [&](std::int64_t item) { HWY_DYNAMIC_DISPATCH(attend_one_span)(s, in, spans, item, parts); });
      in_turn(pairs,
              [&](std::int64_t pair) { HWY_DYNAMIC_DISPATCH(add_spans)(s, spans, pair, parts, out[0]); });
      return;
    }
  }
  std::vector<float> mask;
  if (kind == Kind::Prefill && in[3].is_allocated()) mask = in[3].to_vector();
  const float* mask_data = mask.empty() ? nullptr : mask.data();
  in_turn((s.queries + kSdpaQueryBlock - 1) / kSdpaQueryBlock * pairs, [&](std::int64_t item) {
    HWY_DYNAMIC_DISPATCH(attend_items)(s, in, mask_data, out[0], item, item + 1);
  });
}

}  // namespace tessera
#endif
