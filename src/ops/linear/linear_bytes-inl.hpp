// A narrow block of bfloat4_b against few rows by products of bytes: AVX-512 VNNI. Included once per
// instruction set.
//
// A code times a step is an integer of 16 bits, hence two bytes, high * 256 + low, each with a sign. A weight
// is a nibble m; m + 8 has none, which is what the other operand of vpdpbusd must not have, and takes one
// instruction to cut out where m takes two. As many products as pairs of 16 bits take, but 3 instructions for
// 128 weights in place of 8: out of the first cache 28 GB/s a core of a Zen 4 in place of 17.
#if defined(TESSERA_LINEAR_BYTES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_LINEAR_BYTES_INL
#undef TESSERA_LINEAR_BYTES_INL
#else
#define TESSERA_LINEAR_BYTES_INL
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "ops/linear/linear_pairs-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3_DL

// Where the bytes of 32 codes go: the low ones of all, then the high ones, four k of an octet at a time as
// the lower nibbles of a column's 32 bits have them (0 4 1 5), and its upper ones (2 6 3 7).
alignas(64) constexpr std::array<std::uint8_t, 64> kByteOrder = [] {
  constexpr std::array<std::size_t, 4> kNibbles{0, 4, 1, 5};
  std::array<std::uint8_t, 64> order{};
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t octet = i / 8 % 4, upper = i / 4 % 2, high = i / 32;
    order[i] = static_cast<std::uint8_t>((octet * 8 + kNibbles[i % 4] + upper * 2) * 2 + high);
  }
  return order;
}();

// The bytes of a row's codes times the steps of each group, [2 groups][2][8 times four k], and what weights
// that are 8 too large add, with the other sign. False when the largest of them has no such high byte.
HWY_INLINE bool split_codes(const BlockView& block, const std::int16_t* codes, std::uint8_t* bytes,
                            PairSum (&sums)[kFixedVecs]) {
  const PairTag d16;
  const FixedTag d32;
  const hn::Rebind<std::uint8_t, PairTag> d8;
  const auto code = hn::LoadU(d16, codes), low_byte = hn::Set(d16, 0x00FF);
  const auto order = hn::Load(hn::Repartition<std::uint8_t, PairTag>(), kByteOrder.data());
  bool fits = true;
  PairSum eights[2];
  for (std::size_t g = 0; g < 2; ++g) {
    const auto scaled = hn::Mul(code, hn::PromoteTo(d16, hn::LoadU(d8, block.steps + g * kBlockRows)));
    fits &= hn::AllFalse(d16, hn::Gt(scaled, hn::Set(d16, 0x7FFF - 128)));
    const auto high = hn::Add(scaled, hn::Set(d16, 128));  // carries when the low byte is negative
    const auto mixed = hn::Or(hn::And(low_byte, scaled), hn::AndNot(low_byte, high));
    decltype(order.raw) sorted;
    asm("vpermb %2, %1, %0" : "=v"(sorted) : "v"(order.raw), "v"(mixed.raw));
    hn::Store(hn::Vec<PairTag>{sorted}, d16, reinterpret_cast<std::int16_t*>(bytes + g * 64));
    eights[g] = {hn::Zero(d32), hn::Zero(d32)};
    multiply_pairs(scaled, hn::Set(d16, -8), eights[g]);
  }
  // The lanes of both groups added up, side by side.
  auto both_groups = hn::Add(hn::InterleaveLower(d32, eights[0].first, eights[1].first),
                             hn::InterleaveUpper(d32, eights[0].first, eights[1].first));
  both_groups = hn::Add(both_groups, hn::Shuffle1032(both_groups));
  both_groups = hn::Add(both_groups, hn::ReverseBlocks(d32, both_groups));
  both_groups = hn::Add(both_groups, hn::SwapAdjacentBlocks(both_groups));
  sums[0].first = hn::DupEven(both_groups);
  sums[1].first = hn::DupOdd(both_groups);
  return fits;
}

// Adds four k of each column: weights without a sign times bytes with one, in memory and every lane's.
HWY_INLINE void multiply_bytes_at(hn::Vec<PairTag> w, const std::uint8_t* x, hn::Vec<FixedTag>& sum) {
  using Four = std::uint8_t[4];
  asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum.raw) : "v"(w.raw), "m"(*reinterpret_cast<const Four*>(x)));
}

// sums = R rows, `stride` codes apart, times the block's integers. False, and sums as they were, when the
// codes of a row do not split.
template <int R>
HWY_INLINE bool multiply_bytes(const BlockView& block, const std::int16_t* codes, std::int64_t stride,
                               PairSum (&sums)[R][kFixedVecs]) {
  static_assert(kFixedVecs == 2);  // a vector is a group
  const PairTag d16;
  const FixedTag d32;
  HWY_ALIGN std::uint8_t bytes[R][4 * kBlockRows];
  PairSum low[R][kFixedVecs];
  for (int r = 0; r < R; ++r) {
    if (!HWY_LIKELY(split_codes(block, codes + r * stride, bytes[r], low[r]))) return false;
  }
  hn::Vec<FixedTag> high[R][kFixedVecs];
  for (auto& row : high) std::fill_n(row, kFixedVecs, hn::Zero(d32));
  const auto nibble = hn::Set(d16, 0x0F0F), eight = hn::Set(d16, 0x0808);
  HWY_UNROLL(4)
  for (std::int64_t octet = 0; octet < kOctets; ++octet) {
    HWY_UNROLL(2)
    for (std::size_t v = 0; v < kFixedVecs; ++v) {
      const Bfp4Octet rows(block.mantissas, octet, v);
      const auto lower = hn::Xor(hn::And(rows.nibbles, nibble), eight);
      const auto upper = hn::Xor(hn::And(hn::ShiftRight<4>(rows.nibbles), nibble), eight);
      for (int r = 0; r < R; ++r) {
        const std::uint8_t* x = bytes[r] + v * 64 + octet * 8;
        multiply_bytes_at(lower, x, low[r][v].first);
        multiply_bytes_at(upper, x + 4, low[r][v].first);
        multiply_bytes_at(lower, x + 32, high[r][v]);
        multiply_bytes_at(upper, x + 36, high[r][v]);
      }
    }
  }
  for (int r = 0; r < R; ++r) {
    for (std::size_t v = 0; v < kFixedVecs; ++v)
      sums[r][v].first = hn::Add(low[r][v].first, hn::ShiftLeft<8>(high[r][v]));
  }
  return true;
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif
