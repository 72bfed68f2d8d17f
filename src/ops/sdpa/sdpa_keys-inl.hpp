// Rows of a cache as the tiles of attention want them. See sdpa_fast.cpp. Included once per instruction set.
#if defined(TESSERA_SDPA_KEYS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_SDPA_KEYS_INL
#undef TESSERA_SDPA_KEYS_INL
#else
#define TESSERA_SDPA_KEYS_INL
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "ops/bfp8_row-inl.hpp"
#include "ops/rows.hpp"
#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

constexpr std::int64_t kKeys = 64;  // a block: 16 KiB of float32 keys at head_dim 64

// A vector of keys, or of a head's values.
using LaneTag = hn::CappedTag<float, 16>;
constexpr std::size_t kKeyLanes = hn::MaxLanes(LaneTag());

// 64 keys turned, so that a lane is a key, and their values [64][dim]. Many queries share a block in float32:
// keys [dim][64]. Few take it in bfloat16, widened on the way into the product: half the turning, and no pass
// of its own. Its keys are pairs of channels (c, c + 1), [dim / 2][64].
template <class Key, class Value>
struct KeyBlock {
  const Key* keys;
  const Value* values;
  std::int64_t first;
  std::size_t dim;
};
using FloatBlock = KeyBlock<float, float>;
using PairBlock = KeyBlock<std::uint32_t, bf16>;

using Channels = std::pair<hn::Vec<LaneTag>, hn::Vec<LaneTag> >;

// Channels c and c + 1 of a vector of keys from `key` on.
HWY_INLINE Channels two_channels(const float* keys, std::size_t c, std::size_t key) {
  const LaneTag d;
  return {hn::LoadU(d, keys + c * kKeys + key), hn::LoadU(d, keys + (c + 1) * kKeys + key)};
}
HWY_INLINE Channels two_channels(const std::uint32_t* keys, std::size_t c, std::size_t key) {
  const LaneTag d;
  const hn::RebindToUnsigned<LaneTag> d32;
  const auto pair = hn::LoadU(d32, keys + c / 2 * kKeys + key);
  return {hn::BitCast(d, hn::ShiftLeft<16>(pair)), hn::BitCast(d, hn::And(pair, hn::Set(d32, 0xFFFF0000u)))};
}
// The last channel of an odd number; pairs have an even one.
HWY_INLINE hn::Vec<LaneTag> one_channel(const float* keys, std::size_t c, std::size_t key) {
  return hn::LoadU(LaneTag(), keys + c * kKeys + key);
}
HWY_INLINE hn::Vec<LaneTag> one_channel(const std::uint32_t* keys, std::size_t c, std::size_t key) {
  return two_channels(keys, c, key).first;
}

#if HWY_TARGET != HWY_SCALAR
// Four values each of rows 0, 4, 8, ... of a matrix: one 128-bit block a row.
template <class D, class T>
HWY_INLINE hn::Vec<D> quads(D d, const T* rows, std::size_t stride) {
  const hn::CappedTag<T, 4> d4;
  if constexpr (hn::MaxLanes(D()) == 4) {
    return hn::LoadU(d4, rows);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, quads(half, rows + hn::MaxLanes(half) * stride, stride), quads(half, rows, stride));
  }
}
#endif

// rows [64][dim] of 32 bits to columns [dim][64]; rows beyond those in use may hold anything.
template <class T>
HWY_INLINE void turn(const T* rows, std::size_t dim, T* columns) {
  std::size_t c = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::Rebind<T, LaneTag> d;
  const hn::Repartition<std::uint64_t, decltype(d)> d64;
  for (; c + 4 <= dim; c += 4) {
    for (std::size_t k = 0; k < static_cast<std::size_t>(kKeys); k += kKeyLanes) {
      const T* from = rows + k * dim + c;
      const auto r0 = quads(d, from, dim), r1 = quads(d, from + dim, dim);
      const auto r2 = quads(d, from + 2 * dim, dim), r3 = quads(d, from + 3 * dim, dim);
      const auto low01 = hn::BitCast(d64, hn::InterleaveLower(d, r0, r1));
      const auto low23 = hn::BitCast(d64, hn::InterleaveLower(d, r2, r3));
      const auto high01 = hn::BitCast(d64, hn::InterleaveUpper(d, r0, r1));
      const auto high23 = hn::BitCast(d64, hn::InterleaveUpper(d, r2, r3));
      T* out = columns + c * kKeys + k;
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

inline std::int64_t row_bytes(const Tensor& cache, std::int64_t dim) {
  switch (cache.form()) {
    case Form::RowsBfp8:
      return bfp8_row_bytes(dim);
    case Form::RowsBf16:
      return dim * 2;
    default:
      return dim * 4;
  }
}

// Lines of the next block, asked for a few at a time while this one is multiplied: all at once they fill the
// processor's queue of misses and it stands still. The hardware does not see them coming, as a page has only
// some KiB of a head.
class Ahead {
 public:
  // `count` rows of a cache that lie one behind the other.
  void add(const Tensor& cache, std::int64_t row, std::int64_t count, std::int64_t dim) {
    if (runs_ == kRuns) return;
    const std::int64_t bytes = row_bytes(cache, dim);
    const auto* at = cache.data<const std::byte>() + row * bytes;
    run_[runs_++] = {at, at + count * bytes};
  }
  HWY_INLINE void ask(int lines) {
    for (int i = 0; i < lines && runs_ > 0; ++i) {
      Run& run = run_[runs_ - 1];
      __builtin_prefetch(run.at, 0, 2);
      run.at += 64;
      if (run.at >= run.end) --runs_;
    }
  }

 private:
  static constexpr int kRuns = 8;
  struct Run {
    const std::byte *at, *end;
  };
  Run run_[kRuns];
  int runs_ = 0;
};

// Such rows as float32, or those of a 16-bit or block-float cache as bfloat16, which holds them exactly.
template <class T>
void load_rows(const Tensor& cache, std::int64_t row, std::int64_t count, std::int64_t dim, T* out) {
  if (cache.form() == Form::RowsBfp8) {
    const std::int64_t bytes = bfp8_row_bytes(dim);
    for (std::int64_t r = 0; r < count; ++r) {
      bfp8_row_values(cache.data<const std::uint8_t>() + (row + r) * bytes, static_cast<std::size_t>(dim),
                      out + r * dim);
    }
    return;
  }
  if constexpr (std::is_same_v<T, bf16>) {
    std::copy_n(cache.data<const bf16>() + row * dim, count * dim, out);
  } else {
    with_rows(cache, [&](const auto* rows) {
      const auto* from = rows + row * dim;
      for_lanes(static_cast<std::size_t>(count * dim),
                [&](auto d, std::size_t i) { hn::StoreU(load_f32(d, from + i), d, out + i); });
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif
