#include "wormhole/vector_exp.hpp"

#include <limits>

namespace tessera::wormhole {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// t * 2^23, truncated; 0 <= t <= 255.
std::uint32_t to_fixed_point(Lane t) {
  const std::uint32_t significand = 0x800000u | fraction_of(t.bits);
  const int exponent = exexp(t) - 127;
  if (exponent >= 0) return significand << exponent;
  return exponent > -32 ? significand >> -exponent : 0;
}

}  // namespace

Lane exp_21f(Lane x) {
  Lane t = mad(x, 1.4426950216293334961f, 127.0f);
  t = lesser(greater(t, 0.0f), 255.0f);
  const Lane z(to_fixed_point(t));
  const auto fraction = static_cast<float>(fraction_of(z.bits));  // 23 bits: the cast is exact
  const Lane y = polynomial(fraction, 1.0017248f, 7.839635491371155e-08f, 4.791750143340323e-15f);
  return setexp(y, exexp(z));
}

Lane exp_accurate(Lane x) {
  const Lane z = x * 1.4426950408889634f;
  if (z >= 128.0f) return kInfinity;
  if (!(z > -127.0f)) return 0.0f;
  if (exexp(z) == 255) return std::numeric_limits<float>::quiet_NaN();
  constexpr Lane kMagic(12582912.0f);  // 2^23 + 2^22: the sum's low bits are round(z)
  const Lane shifted = z + kMagic;
  const Lane k = shifted - kMagic;
  Lane r = mad(k, -0.693115234375f, x);
  r = mad(k, -3.19461832987e-05f, r);
  const Lane p = polynomial(r, 1.0f, 1.0f, 0.5f, 1.0f / 6.0f, 1.0f / 24.0f, 1.0f / 120.0f, 1.0f / 720.0f,
                            1.0f / 5040.0f);
  return setexp(p, exexp(p) + static_cast<int>(shifted.bits - kMagic.bits));
}

Lane exp_approximate(Lane x) {
  if (x >= 89.0f) return kInfinity;
  if (x < -42.0f) return 0.0f;
  // 192 = 1.5 * 2^7 leaves x / ln 2 as a fixed-point number in the fraction; the constant takes 192's bits
  // away and adds the bias, the shift moves integer bits to the exponent.
  const Lane fixed = mad(x, 1.442695f, 192.0f);
  return Lane((fixed.bits + 0xBD3F0000u) << 7);
}

Lane reciprocal(Lane x, int newton_steps) {
  const Lane negative = setman(-1.0f, fraction_of(x.bits));  // -x in (-2, -1]
  Lane y = mad(0.3232325017452239990234375f, negative, 1.4545459747314453125f);
  y = mad(y, negative, 2.121212482452392578125f);
  // 255 - exponent in one SFPNOT: 0 gives infinity, 255 gives 0, and half of either is itself.
  const Lane scale = setman(Lane(~x.bits), 0) * 0.5f;
  for (int step = 0; step < newton_steps; ++step) {
    const Lane error = mad(negative, y, 1.0f);
    y = mad(y, error, y);
  }
  return setsgn(y * scale, x);
}

}  // namespace tessera::wormhole
