// Rows of bfloat8_b (Form::RowsBfp8) as float32 or bfloat16. Included once per instruction set.
#if defined(TESSERA_BFP8_ROW_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_BFP8_ROW_INL
#undef TESSERA_BFP8_ROW_INL
#else
#define TESSERA_BFP8_ROW_INL
#endif

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "ops/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

// bfloat16: values whose lower 16 bits are zero.
template <class D>
HWY_INLINE void store_exact(hn::Vec<D> v, D d, float* p) {
  hn::StoreU(v, d, p);
}
template <class D>
HWY_INLINE void store_exact(hn::Vec<D> v, D /*d*/, bf16* p) {
  const hn::Rebind<std::uint16_t, D> d16;
  const hn::RebindToSigned<D> d32;
  const hn::RebindToUnsigned<D> du;
  hn::StoreU(hn::DemoteTo(d16, hn::BitCast(d32, hn::ShiftRight<16>(hn::BitCast(du, v)))), d16, p);
}

/// `row`: ceil(n/16) exponents, then sign-magnitude codes. value = +-m * 2^(E - 133), exact for E >= 7;
/// below, the packer's values are under 2^-120 and come out as 0. bfloat16 has room for the 7 bits of m.
template <class T>
void bfp8_row_values(const std::uint8_t* row, std::size_t n, T* out) {
  const std::size_t groups = (n + 15) / 16;
  const std::uint8_t* codes = row + groups;
  const hn::CappedTag<float, 16> d;
  const hn::RebindToSigned<decltype(d)> d32;
  const hn::Rebind<std::uint8_t, decltype(d)> d8;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t g = 0; g < groups; ++g) {
    const int e = std::max(0, row[g] - 6);
    const auto scale = hn::Set(d, std::bit_cast<float>(static_cast<std::uint32_t>(e) << 23));
    HWY_ALIGN T group[16];
    for (std::size_t i = 0; i < 16; i += lanes) {
      const auto code = hn::PromoteTo(d32, hn::LoadU(d8, codes + g * 16 + i));
      const auto magnitude = hn::Mul(hn::ConvertTo(d, hn::And(code, hn::Set(d32, 127))), scale);
      const auto sign = hn::ShiftLeft<24>(hn::And(code, hn::Set(d32, 128)));
      store_exact(hn::Or(magnitude, hn::BitCast(d, sign)), d, group + i);
    }
    std::copy_n(group, std::min<std::size_t>(16, n - g * 16), out + g * 16);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();
#endif
