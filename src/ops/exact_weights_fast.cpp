#include "device/block_strips.hpp"
#include "ops/exact_weights.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/exact_weights_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A vector lies within a group of columns that share an exponent.
using D = hn::CappedTag<std::int32_t, kGroup>;
using V = hn::Vec<D>;

// Values of row k from column c on: mantissas times the unit.
HWY_INLINE void store_row(V mantissas, const float* units, std::size_t k, std::size_t c, bf16* values) {
  const hn::RebindToFloat<D> df;
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<bf16, D> narrow;
  const auto exact = hn::Mul(hn::ConvertTo(df, mantissas), hn::Set(df, units[c / kGroup * kBlockRows + k]));
  hn::StoreU(hn::TruncateTo(narrow, hn::ShiftRight<16>(hn::BitCast(du, exact))), narrow, values + k * 32 + c);
}

void decode_bfp8(const std::byte* block, const float* units, bf16* values) {
  const D d;
  const hn::Rebind<std::int16_t, D> pair;
  const auto* pairs = reinterpret_cast<const std::int16_t*>(block);
  for (std::size_t k = 0; k < kBlockRows; k += 2) {
    for (std::size_t c = 0; c < 32; c += hn::Lanes(d)) {
      const V both = hn::PromoteTo(d, hn::LoadU(pair, pairs + k / 2 * 32 + c));
      store_row(hn::ShiftRight<24>(hn::ShiftLeft<24>(both)), units, k, c, values);
      store_row(hn::ShiftRight<8>(both), units, k + 1, c, values);
    }
  }
}

// Pair j of an octet: nibble j of both halves.
template <int kPair>
HWY_INLINE void store_nibbles(V octet, const float* units, std::size_t k, std::size_t c, bf16* values) {
  store_row(hn::ShiftRight<28>(hn::ShiftLeft<28 - 4 * kPair>(octet)), units, k + 2 * kPair, c, values);
  store_row(hn::ShiftRight<28>(hn::ShiftLeft<12 - 4 * kPair>(octet)), units, k + 2 * kPair + 1, c, values);
}

void decode_bfp4(const std::byte* block, const float* units, bf16* values) {
  const D d;
  const auto* octets = reinterpret_cast<const std::int32_t*>(block);
  for (std::size_t k = 0; k < kBlockRows; k += 8) {
    for (std::size_t c = 0; c < 32; c += hn::Lanes(d)) {
      const V octet = hn::LoadU(d, octets + k / 8 * 32 + c);
      store_nibbles<0>(octet, units, k, c, values);
      store_nibbles<1>(octet, units, k, c, values);
      store_nibbles<2>(octet, units, k, c, values);
      store_nibbles<3>(octet, units, k, c, values);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <array>
#include <bit>

namespace tessera {
HWY_EXPORT(decode_bfp8);
HWY_EXPORT(decode_bfp4);

void decode_block(DataType dtype, const BlockStrip& layout, const std::byte* strip, std::int64_t index,
                  std::span<bf16, 1024> values) {
  const std::byte* block = strip + index * layout.block_bytes;
  std::array<float, 2 * kBlockRows> units;
  const auto power = [](std::byte e) {
    return std::bit_cast<float>(std::to_integer<std::uint32_t>(e) << 23);
  };
  for (std::size_t g = 0; g < 2; ++g) {
    const std::byte base = strip[layout.bases + index * 2 + static_cast<std::int64_t>(g)];
    const std::byte* steps = block + layout.steps + g * kBlockRows;
    float* of_group = units.data() + g * kBlockRows;
    for (std::size_t k = 0; k < kBlockRows; ++k) {
      of_group[k] = base == std::byte{} ? power(steps[k])
                                        : power(base) * static_cast<float>(std::to_integer<int>(steps[k]));
    }
  }
  if (dtype == DataType::BFLOAT8_B) {
    HWY_DYNAMIC_DISPATCH(decode_bfp8)(block, units.data(), values.data());
  } else {
    HWY_DYNAMIC_DISPATCH(decode_bfp4)(block, units.data(), values.data());
  }
}

}  // namespace tessera
#endif
