// A block of 64 keys and values against a few queries: see sdpa_fast.cpp. Included once per instruction set.
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

#include "ops/sdpa/sdpa_keys-inl.hpp"
#include "ops/sdpa/sdpa_op.hpp"
#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

constexpr float kMinusInf = -std::numeric_limits<float>::infinity();

// Four vectors of keys (or of a head's values) and four queries fill 16 of AVX-512's 32 registers; AVX2 has
// 16 in all.
constexpr std::size_t kTile = 4;
constexpr std::size_t kTileQueries = kKeyLanes >= 16 ? 4 : 2;

// What a query has seen of a span of keys: exp(score - largest) summed, and the values so weighted.
struct Part {
  float* sum;  // [dim], to be divided by weight
  float largest;
  float weight;
};

struct Query {
  const float* q;               // [dim], scaled
  Part part;                    // of the span under way
  std::int64_t begin, visible;  // its keys: positions from begin to before visible
  const float* mask;            // [keys] or nullptr
  float slope;                  // ALiBi's, or 0
  float softcap;                // or 0
};

// scores[q][key] = q . key for the first `n` keys (and what follows them to the end of a tile).
template <int Q, class Block>
HWY_INLINE void score_tile(const Query* queries, const Block& block, std::int64_t n, float (*scores)[kKeys],
                           Ahead& ahead) {
  const LaneTag d;
  for (std::size_t k = 0; k < static_cast<std::size_t>(n); k += kTile * kKeyLanes) {
    hn::Vec<LaneTag> acc[Q][kTile];
    for (auto& row : acc) std::fill_n(row, kTile, hn::Zero(d));
    std::size_t c = 0;
    for (; c + 2 <= block.dim; c += 2) {
      ahead.ask(4);
      for (std::size_t v = 0; v < kTile; ++v) {
        const auto [even, odd] = two_channels(block.keys, c, k + v * kKeyLanes);
        for (int q = 0; q < Q; ++q) {
          acc[q][v] = hn::MulAdd(hn::Set(d, queries[q].q[c]), even, acc[q][v]);
          acc[q][v] = hn::MulAdd(hn::Set(d, queries[q].q[c + 1]), odd, acc[q][v]);
        }
      }
    }
    for (; c < block.dim; ++c) {
      for (std::size_t v = 0; v < kTile; ++v) {
        const auto key = one_channel(block.keys, c, k + v * kKeyLanes);
        for (int q = 0; q < Q; ++q) acc[q][v] = hn::MulAdd(hn::Set(d, queries[q].q[c]), key, acc[q][v]);
      }
    }
    for (int q = 0; q < Q; ++q) {
      for (std::size_t v = 0; v < kTile; ++v) hn::StoreU(acc[q][v], d, scores[q] + k + v * kKeyLanes);
    }
  }
}

// The scores of keys [begin, n) as the softmax takes them, those of others -inf. Returns the largest of them
// and of the span so far; a NaN wins and stays: it must not end as the zeros of a row without keys.
HWY_INLINE float finish_scores(const Query& query, std::int64_t first, std::int64_t begin, std::int64_t n,
                               float* scores) {
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
  auto most = hn::Set(d, query.part.largest);
  auto nan = hn::IsNaN(most);
  for (std::size_t i = 0; i < static_cast<std::size_t>(kKeys); i += kKeyLanes) {
    const auto score = hn::LoadU(d, scores + i);
    nan = hn::Or(nan, hn::IsNaN(score));
    most = hn::Max(most, score);
  }
  return hn::AllFalse(d, nan) ? hn::GetLane(hn::MaxOfLanes(d, most))
                              : std::numeric_limits<float>::quiet_NaN();
}

// Scores become weights exp(score - largest); `kept`: the factor of what was summed before.
HWY_INLINE void weigh(Query& query, float largest, float kept, std::size_t dim, float* scores) {
  const LaneTag d;
  auto weights = hn::Zero(d);
  for (std::size_t i = 0; i < static_cast<std::size_t>(kKeys); i += kKeyLanes) {
    const auto p = exp_f32(d, hn::Sub(hn::LoadU(d, scores + i), hn::Set(d, largest)));
    hn::StoreU(p, d, scores + i);
    weights = hn::Add(weights, p);
  }
  query.part.weight = query.part.weight * kept + hn::GetLane(hn::SumOfLanes(d, weights));
  query.part.largest = largest;
  if (kept == 1) return;
  for_lanes(dim, [&](auto tag, std::size_t c) {
    float* sum = query.part.sum + c;
    hn::StoreU(hn::Mul(hn::LoadU(tag, sum), hn::Set(tag, kept)), tag, sum);
  });
}

// weigh() for all queries of a tile, step by step: the steps of one wait for each other, those of several do
// not.
template <int Q>
HWY_INLINE void weigh_tile(Query* queries, std::int64_t first, const std::int64_t* begin,
                           const std::int64_t* n, std::size_t dim, float (*scores)[kKeys]) {
  constexpr std::size_t kMost = 4;
  static_assert(Q <= kMost);
  const hn::CappedTag<float, kMost> d;
  float largest[Q];
  HWY_ALIGN float kept[kMost] = {};
  for (int q = 0; q < Q; ++q) {
    largest[q] = n[q] == begin[q] ? kMinusInf : finish_scores(queries[q], first, begin[q], n[q], scores[q]);
    // exp(-inf - largest) = 0: nothing to keep from before the first visible key.
    if (largest[q] != kMinusInf) kept[q] = queries[q].part.largest - largest[q];
  }
  for (std::size_t i = 0; i < kMost; i += hn::Lanes(d))
    hn::Store(exp_f32(d, hn::Load(d, kept + i)), d, kept + i);
  for (int q = 0; q < Q; ++q) {
    if (largest[q] == kMinusInf) {
      std::fill_n(scores[q], kKeys, 0.0f);
    } else {
      weigh(queries[q], largest[q], kept[q], dim, scores[q]);
    }
  }
}

// sum[dim] += weights of keys [begin, end) times their values, V vectors of the head at a time from column c.
template <int Q, std::size_t V, class D, class Block>
HWY_INLINE void value_tile(D d, const Query* queries, const Block& block, const float (*weights)[kKeys],
                           std::int64_t begin, std::int64_t end, std::size_t c, Ahead& ahead) {
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<D> acc[Q][V];
  for (int q = 0; q < Q; ++q) {
    for (std::size_t v = 0; v < V; ++v) acc[q][v] = hn::LoadU(d, queries[q].part.sum + c + v * lanes);
  }
  for (std::int64_t j = begin; j < end; ++j) {
    ahead.ask(2);
    const auto* values = block.values + static_cast<std::size_t>(j) * block.dim + c;
    for (std::size_t v = 0; v < V; ++v) {
      const auto value = load_f32(d, values + v * lanes);
      for (int q = 0; q < Q; ++q) acc[q][v] = hn::MulAdd(hn::Set(d, weights[q][j]), value, acc[q][v]);
    }
  }
  for (int q = 0; q < Q; ++q) {
    for (std::size_t v = 0; v < V; ++v) hn::StoreU(acc[q][v], d, queries[q].part.sum + c + v * lanes);
  }
}

template <int Q, class Block>
HWY_INLINE void add_values(const Query* queries, const Block& block, const float (*weights)[kKeys],
                           std::int64_t begin, std::int64_t end, Ahead& ahead) {
  if (begin >= end) return;
  const LaneTag d;
  std::size_t c = 0;
  for (; c + kTile * kKeyLanes <= block.dim; c += kTile * kKeyLanes)
    value_tile<Q, kTile>(d, queries, block, weights, begin, end, c, ahead);
  for (; c + kKeyLanes <= block.dim; c += kKeyLanes)
    value_tile<Q, 1>(d, queries, block, weights, begin, end, c, ahead);
  for (; c < block.dim; ++c)
    value_tile<Q, 1>(hn::CappedTag<float, 1>(), queries, block, weights, begin, end, c, ahead);
}

// Q queries against a block. A query's arithmetic does not depend on the others.
template <int Q, class Block>
void attend_tile(Query* queries, const Block& block, Ahead& ahead) {
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
  score_tile<Q>(queries, block, most, scores, ahead);
  weigh_tile<Q>(queries, block.first, begin, n, block.dim, scores);
  // Values outside a query's keys are not touched: a NaN there is none of its business. Each query's come in
  // order: its own first ones, those that all queries see, the rest.
  if (first >= least) {
    for (int q = 0; q < Q; ++q) add_values<1>(queries + q, block, scores + q, begin[q], n[q], ahead);
    return;
  }
  for (int q = 0; q < Q; ++q) add_values<1>(queries + q, block, scores + q, begin[q], first, ahead);
  add_values<Q>(queries, block, scores, first, least, ahead);
  for (int q = 0; q < Q; ++q) add_values<1>(queries + q, block, scores + q, least, n[q], ahead);
}

template <class Block>
void attend_block(Query* queries, std::size_t count, const Block& block, Ahead& ahead) {
  std::size_t n = 0;
  for (; n + kTileQueries <= count; n += kTileQueries) attend_tile<kTileQueries>(queries + n, block, ahead);
  switch (count - n) {
    case 1:
      return attend_tile<1>(queries + n, block, ahead);
    case 2:
      return attend_tile<2>(queries + n, block, ahead);
    case 3:
      return attend_tile<3>(queries + n, block, ahead);
    default:
      return;
  }
}

// Adds a span to the ones before it. A query that saw nothing of it, or nothing before it, keeps its bits.
inline void add_part(const Part& part, std::size_t dim, Part& total) {
  if (part.largest == kMinusInf) return;
  if (total.largest == kMinusInf) {
    std::copy_n(part.sum, dim, total.sum);
    total.largest = part.largest;
    total.weight = part.weight;
    return;
  }
  // NaN stays, as in weigh().
  const float largest =
      std::isnan(part.largest) || part.largest > total.largest ? part.largest : total.largest;
  const hn::CappedTag<float, 1> one;
  const float old = hn::GetLane(exp_f32(one, hn::Set(one, total.largest - largest)));
  const float fresh = hn::GetLane(exp_f32(one, hn::Set(one, part.largest - largest)));
  for_lanes(dim, [&](auto d, std::size_t c) {
    const auto kept = hn::Mul(hn::LoadU(d, total.sum + c), hn::Set(d, old));
    hn::StoreU(hn::MulAdd(hn::LoadU(d, part.sum + c), hn::Set(d, fresh), kept), d, total.sum + c);
  });
  total.weight = total.weight * old + part.weight * fresh;
  total.largest = largest;
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif
