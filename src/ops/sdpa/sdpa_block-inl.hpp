// A block of keys and values against a few queries: see sdpa_fast.cpp. Included once per instruction set.
#if defined(TESSERA_SDPA_BLOCK_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_SDPA_BLOCK_INL
#undef TESSERA_SDPA_BLOCK_INL
#else
#define TESSERA_SDPA_BLOCK_INL
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "ops/sdpa/sdpa_op.hpp"
#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

constexpr std::int64_t kKeys = 64;  // a block: 16 KiB of float32 keys at head_dim 64
constexpr float kMinusInf = -std::numeric_limits<float>::infinity();

// A vector of keys or of a head's values. Four of them and four queries fill 16 of AVX-512's 32 registers;
// AVX2 has 16 in all.
using LaneTag = hn::CappedTag<float, 16>;
constexpr std::size_t kKeyLanes = hn::MaxLanes(LaneTag());
constexpr std::size_t kTile = 4;
constexpr std::size_t kTileQueries = kKeyLanes >= 16 ? 4 : 2;

// The state of one query over the blocks seen so far.
struct Query {
  const float* q;  // [dim], scaled
  float* sum;      // [dim]: the weighted sum of values, to be divided by weight
  float largest;
  float weight;
  std::int64_t begin, visible;  // its keys: positions from begin to before visible
  const float* mask;            // [keys] or nullptr
  float slope;                  // ALiBi's, or 0
  float softcap;                // or 0
};

// A block as the tiles want it: keys turned, [dim][64], so that a lane is a key; values [64][dim].
struct KeyBlock {
  const float* keys;
  const float* values;
  std::int64_t first;
  std::size_t dim;
};

#if HWY_TARGET != HWY_SCALAR
// Four values each of rows 0, 4, 8, ... of a matrix: one 128-bit block a row.
template <class D>
HWY_INLINE hn::Vec<D> quads(D d, const float* rows, std::size_t stride) {
  const hn::CappedTag<float, 4> d4;
  if constexpr (hn::MaxLanes(D()) == 4) {
    return hn::LoadU(d4, rows);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, quads(half, rows + hn::MaxLanes(half) * stride, stride), quads(half, rows, stride));
  }
}
#endif

// rows [64][dim] to columns [dim][64]; rows beyond those in use may hold anything.
HWY_INLINE void turn(const float* rows, std::size_t dim, float* columns) {
  std::size_t c = 0;
#if HWY_TARGET != HWY_SCALAR
  const LaneTag d;
  const hn::Repartition<double, LaneTag> d64;
  for (; c + 4 <= dim; c += 4) {
    for (std::size_t k = 0; k < static_cast<std::size_t>(kKeys); k += kKeyLanes) {
      const float* from = rows + k * dim + c;
      const auto r0 = quads(d, from, dim), r1 = quads(d, from + dim, dim);
      const auto r2 = quads(d, from + 2 * dim, dim), r3 = quads(d, from + 3 * dim, dim);
      const auto low01 = hn::BitCast(d64, hn::InterleaveLower(d, r0, r1));
      const auto low23 = hn::BitCast(d64, hn::InterleaveLower(d, r2, r3));
      const auto high01 = hn::BitCast(d64, hn::InterleaveUpper(d, r0, r1));
      const auto high23 = hn::BitCast(d64, hn::InterleaveUpper(d, r2, r3));
      float* out = columns + c * kKeys + k;
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, low01, low23)), d, out);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, low01, low23)), d, out + kKeys);
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, high01, high23)), d, out + 2 * kKeys);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, high01, high23)), d, out + 3 * kKeys);
    }
  }
#endif
  for (; c < dim; ++c) {
    for (std::size_t k = 0; k < static_cast<std::size_t>(kKeys); ++k)
      columns[c * kKeys + k] = rows[k * dim + c];
  }
}

// scores[q][key] = q . key for the first `n` keys (and what follows them to the end of a tile).
template <int Q>
HWY_INLINE void score_tile(const Query* queries, const KeyBlock& block, std::int64_t n,
                           float (*scores)[kKeys]) {
  const LaneTag d;
  for (std::size_t k = 0; k < static_cast<std::size_t>(n); k += kTile * kKeyLanes) {
    hn::Vec<LaneTag> acc[Q][kTile];
    for (auto& row : acc) std::fill_n(row, kTile, hn::Zero(d));
    for (std::size_t c = 0; c < block.dim; ++c) {
      const float* keys = block.keys + c * kKeys + k;
      for (std::size_t v = 0; v < kTile; ++v) {
        const auto key = hn::LoadU(d, keys + v * kKeyLanes);
        for (int q = 0; q < Q; ++q) acc[q][v] = hn::MulAdd(hn::Set(d, queries[q].q[c]), key, acc[q][v]);
      }
    }
    for (int q = 0; q < Q; ++q) {
      for (std::size_t v = 0; v < kTile; ++v) hn::StoreU(acc[q][v], d, scores[q] + k + v * kKeyLanes);
    }
  }
}

// Scores of keys [begin, n) become weights exp(score - largest), those of others 0; what is kept of the sums
// so far is returned.
HWY_INLINE float weigh(Query& query, std::int64_t first, std::int64_t begin, std::int64_t n, float* scores) {
  const LaneTag d;
  if (query.softcap > 0) {
    const auto cap = hn::Set(d, query.softcap), inverse = hn::Set(d, 1.0f / query.softcap);
    for (std::size_t i = 0; i < static_cast<std::size_t>(kKeys); i += kKeyLanes)
      hn::StoreU(hn::Mul(cap, tanh_f32(d, hn::Mul(hn::LoadU(d, scores + i), inverse))), d, scores + i);
  }
  if (query.mask != nullptr) {
    for (std::int64_t j = begin; j < n; ++j) scores[j] += query.mask[first + j];
  }
  if (query.slope != 0) {
    for (std::int64_t j = begin; j < n; ++j) scores[j] += alibi_bias(query.slope, first + j, query.visible);
  }
  std::fill(scores, scores + begin, kMinusInf);
  std::fill(scores + n, scores + kKeys, kMinusInf);
  auto most = hn::Set(d, query.largest);
  auto nan = hn::IsNaN(most);
  for (std::size_t i = 0; i < static_cast<std::size_t>(kKeys); i += kKeyLanes) {
    const auto score = hn::LoadU(d, scores + i);
    nan = hn::Or(nan, hn::IsNaN(score));
    most = hn::Max(most, score);
  }
  // A NaN wins and stays: it must not end as the zeros of a row without keys.
  const float largest =
      hn::AllFalse(d, nan) ? hn::GetLane(hn::MaxOfLanes(d, most)) : std::numeric_limits<float>::quiet_NaN();
  if (largest == kMinusInf) {
    std::fill_n(scores, kKeys, 0.0f);
    return 1;
  }
  auto weights = hn::Zero(d);
  for (std::size_t i = 0; i < static_cast<std::size_t>(kKeys); i += kKeyLanes) {
    const auto p = exp_f32(d, hn::Sub(hn::LoadU(d, scores + i), hn::Set(d, largest)));
    hn::StoreU(p, d, scores + i);
    weights = hn::Add(weights, p);
  }
  // exp(-inf - largest) = 0: nothing to keep from before the first visible key.
  const hn::CappedTag<float, 1> one;
  const float shrink = hn::GetLane(exp_f32(one, hn::Set(one, query.largest - largest)));
  query.weight = query.weight * shrink + hn::GetLane(hn::SumOfLanes(d, weights));
  query.largest = largest;
  return shrink;
}

// sum[dim] += weights of keys [begin, end) times their values, V vectors of the head at a time from column c.
template <int Q, std::size_t V, class D>
HWY_INLINE void value_tile(D d, const Query* queries, const KeyBlock& block, const float (*weights)[kKeys],
                           std::int64_t begin, std::int64_t end, std::size_t c) {
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<D> acc[Q][V];
  for (int q = 0; q < Q; ++q) {
    for (std::size_t v = 0; v < V; ++v) acc[q][v] = hn::LoadU(d, queries[q].sum + c + v * lanes);
  }
  for (std::int64_t j = begin; j < end; ++j) {
    const float* values = block.values + static_cast<std::size_t>(j) * block.dim + c;
    for (std::size_t v = 0; v < V; ++v) {
      const auto value = hn::LoadU(d, values + v * lanes);
      for (int q = 0; q < Q; ++q) acc[q][v] = hn::MulAdd(hn::Set(d, weights[q][j]), value, acc[q][v]);
    }
  }
  for (int q = 0; q < Q; ++q) {
    for (std::size_t v = 0; v < V; ++v) hn::StoreU(acc[q][v], d, queries[q].sum + c + v * lanes);
  }
}

template <int Q>
HWY_INLINE void add_values(const Query* queries, const KeyBlock& block, const float (*weights)[kKeys],
                           std::int64_t begin, std::int64_t end) {
  if (begin >= end) return;
  const LaneTag d;
  std::size_t c = 0;
  for (; c + kTile * kKeyLanes <= block.dim; c += kTile * kKeyLanes)
    value_tile<Q, kTile>(d, queries, block, weights, begin, end, c);
  for (; c + kKeyLanes <= block.dim; c += kKeyLanes)
    value_tile<Q, 1>(d, queries, block, weights, begin, end, c);
  for (; c < block.dim; ++c)
    value_tile<Q, 1>(hn::CappedTag<float, 1>(), queries, block, weights, begin, end, c);
}

// Q queries against a block. A query's arithmetic does not depend on the others.
template <int Q>
void attend_tile(Query* queries, const KeyBlock& block) {
  HWY_ALIGN float scores[Q][kKeys];
  std::int64_t begin[Q], n[Q], first = 0, least = kKeys, most = 0;
  for (int q = 0; q < Q; ++q) {
    n[q] = std::clamp<std::int64_t>(queries[q].visible - block.first, 0, kKeys);
    begin[q] = std::clamp<std::int64_t>(queries[q].begin - block.first, 0, n[q]);
    first = std::max(first, begin[q]);
    least = std::min(least, n[q]);
    most = std::max(most, n[q] == begin[q] ? 0 : n[q]);
  }
  if (most == 0) return;
  score_tile<Q>(queries, block, most, scores);
  for (int q = 0; q < Q; ++q) {
    if (n[q] == begin[q]) continue;
    const float shrink = weigh(queries[q], block.first, begin[q], n[q], scores[q]);
    if (shrink == 1) continue;
    for_lanes(block.dim, [&](auto d, std::size_t c) {
      float* sum = queries[q].sum + c;
      hn::StoreU(hn::Mul(hn::LoadU(d, sum), hn::Set(d, shrink)), d, sum);
    });
  }
  // Values outside a query's keys are not touched: a NaN there is none of its business. Each query's come in
  // order: its own first ones, those that all queries see, the rest.
  if (first >= least) {
    for (int q = 0; q < Q; ++q) add_values<1>(queries + q, block, scores + q, begin[q], n[q]);
    return;
  }
  for (int q = 0; q < Q; ++q) add_values<1>(queries + q, block, scores + q, begin[q], first);
  add_values<Q>(queries, block, scores, first, least);
  for (int q = 0; q < Q; ++q) add_values<1>(queries + q, block, scores + q, least, n[q]);
}

inline void attend_block(Query* queries, std::size_t count, const KeyBlock& block) {
  std::size_t n = 0;
  for (; n + kTileQueries <= count; n += kTileQueries) attend_tile<kTileQueries>(queries + n, block);
  switch (count - n) {
    case 1:
      return attend_tile<1>(queries + n, block);
    case 2:
      return attend_tile<2>(queries + n, block);
    case 3:
      return attend_tile<3>(queries + n, block);
    default:
      return;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif
