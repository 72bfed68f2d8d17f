// Pairs (k, k + 1) of a block-float strip as vectors of 16-bit integers, and their products. See
// linear_block-inl.hpp. Included once per instruction set.
#if defined(TESSERA_LINEAR_PAIRS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_LINEAR_PAIRS_INL
#undef TESSERA_LINEAR_PAIRS_INL
#else
#define TESSERA_LINEAR_PAIRS_INL
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "ops/linear/linear_block-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

using FixedTag = hn::CappedTag<std::int32_t, 16>;         // a vector of columns
using PairTag = hn::Repartition<std::int16_t, FixedTag>;  // (k, k + 1) of each column
constexpr std::size_t kFixedLanes = hn::MaxLanes(FixedTag());
constexpr std::size_t kFixedVecs = kStrip / kFixedLanes;
constexpr std::int64_t kPairs = kBlockRows / 2;

// Sums of products of (k, k + 1) a lane. The second sum is for targets that multiply halves, as NEON does.
struct PairSum {
  hn::Vec<FixedTag> first, second;
};

HWY_INLINE void multiply_pairs(hn::Vec<PairTag> w, hn::Vec<PairTag> x, PairSum& sum) {
#if HWY_TARGET == HWY_AVX3_DL
  // Highway 1.0.3 multiplies and adds in two instructions here, and its target string lacks avx512vnni.
  asm("vpdpwssd %2, %1, %0" : "+v"(sum.first.raw) : "v"(w.raw), "v"(x.raw));
#elif HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
  // As intrinsics GCC 12 gives each sum a new register and moves it back: a tile of AVX-512 then runs at 70 %
  // of the rate of the two instructions, and at 95 % so.
  decltype(w.raw) products;
  asm("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0"
      : "+v"(sum.first.raw), "=&v"(products)
      : "v"(w.raw), "v"(x.raw));
#else
  sum.first = hn::ReorderWidenMulAccumulate(FixedTag(), w, x, sum.first, sum.second);
#endif
}

#if HWY_TARGET == HWY_AVX2
// The same with w in memory, aligned: one microoperation with the load in it, and no register for w, so that
// a tile of three rows fits into sixteen.
HWY_INLINE void multiply_pairs_at(const std::int16_t* w, hn::Vec<PairTag> x, PairSum& sum) {
  decltype(x.raw) products;
  asm("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0"
      : "+v"(sum.first.raw), "=&v"(products)
      : "v"(x.raw), "m"(*reinterpret_cast<const decltype(x.raw)*>(w)));
}
#endif

HWY_INLINE hn::Vec<PairTag> both(const std::int16_t* pair) {
  std::int32_t bits;
  std::memcpy(&bits, pair, sizeof bits);
  return hn::BitCast(PairTag(), hn::Set(FixedTag(), bits));
}

// The same with a pair in memory for x, every lane's.
HWY_INLINE void multiply_pair_at(hn::Vec<PairTag> w, const std::int16_t* x, PairSum& sum) {
#if HWY_TARGET == HWY_AVX3_DL
  using Pair = std::int16_t[2];
  asm("vpdpwssd %2%{1to16%}, %1, %0"
      : "+v"(sum.first.raw)
      : "v"(w.raw), "m"(*reinterpret_cast<const Pair*>(x)));
#else
  multiply_pairs(w, both(x), sum);
#endif
}

HWY_INLINE hn::Vec<hn::CappedTag<float, 16> > total(const PairSum& sum) {
  return hn::ConvertTo(hn::CappedTag<float, 16>(), hn::RearrangeToOddPlusEven(sum.first, sum.second));
}

// Eight rows of k of a vector of columns, and of these pair j: its mantissas, and these times its factors.
struct Bfp8Octet {
  static constexpr DataType kDtype = DataType::BFLOAT8_B;
  static constexpr int kFactorShift = 0;
  const std::int8_t* at;

  HWY_INLINE Bfp8Octet(const std::byte* mantissas, std::int64_t octet, std::size_t v)
      : at(reinterpret_cast<const std::int8_t*>(mantissas) + octet * 256 + v * kFixedLanes * 2) {}
  template <int j>
  HWY_INLINE hn::Vec<PairTag> pair(hn::Vec<PairTag> factor) const {
    return hn::Mul(mantissas<j>(), factor);
  }
  template <int j>
  HWY_INLINE hn::Vec<PairTag> mantissas() const {
    return hn::PromoteTo(PairTag(), hn::LoadU(hn::Rebind<std::int8_t, PairTag>(), at + j * 64));
  }
};
struct Bfp4Octet {
  static constexpr DataType kDtype = DataType::BFLOAT4_B;
  // A mantissa at the top of 16 bits, times a factor << 4, has the product in the upper half.
  static constexpr int kFactorShift = 4;
  hn::Vec<PairTag> nibbles;

  HWY_INLINE Bfp4Octet(const std::byte* mantissas, std::int64_t octet, std::size_t v)
      : nibbles(hn::BitCast(PairTag(), hn::LoadU(hn::Repartition<std::uint8_t, PairTag>(),
                                                 reinterpret_cast<const std::uint8_t*>(mantissas) +
                                                     octet * 128 + v * kFixedLanes * 4))) {}
  template <int j>
  HWY_INLINE hn::Vec<PairTag> pair(hn::Vec<PairTag> factor) const {
    auto top = hn::ShiftLeft<12 - 4 * j>(nibbles);
    if constexpr (j > 0) top = hn::And(top, hn::Set(PairTag(), static_cast<std::int16_t>(0xF000)));
    return hn::MulHigh(top, factor);
  }
  template <int j>
  HWY_INLINE hn::Vec<PairTag> mantissas() const {
    return hn::ShiftRight<12>(hn::ShiftLeft<12 - 4 * j>(nibbles));
  }
};
constexpr std::int64_t kOctets = kBlockRows / 8;

// Calls body(p, v, octet of v, j) for every pair p of k of a block and vector v of columns; j is p's place in
// its octet. v and j are constants of their types: sums that v indexes must stay in registers, and GCC 12
// leaves a loop of this size rolled.
template <class Octet, std::size_t kVec, class Body>
HWY_INLINE void octet_pairs(const BlockView& block, std::int64_t octet, const Body& body) {
  const Octet rows(block.mantissas, octet, kVec);
  constexpr std::integral_constant<std::size_t, kVec> kAt;
  body(octet * 4, kAt, rows, std::integral_constant<int, 0>());
  body(octet * 4 + 1, kAt, rows, std::integral_constant<int, 1>());
  body(octet * 4 + 2, kAt, rows, std::integral_constant<int, 2>());
  body(octet * 4 + 3, kAt, rows, std::integral_constant<int, 3>());
  if constexpr (kVec + 1 < kFixedVecs) octet_pairs<Octet, kVec + 1>(block, octet, body);
}
template <class Octet, class Body>
HWY_INLINE void for_each_pair(const BlockView& block, const Body& body) {
  for (std::int64_t octet = 0; octet < kOctets; ++octet) octet_pairs<Octet, 0>(block, octet, body);
}

// The group of 16 columns that a vector of a strip belongs to.
constexpr std::size_t group_of(std::size_t v) {
  return v * kFixedLanes / kGroup;
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif
