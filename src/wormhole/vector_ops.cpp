#include "wormhole/vector_ops.hpp"

#include <array>
#include <limits>

#include "wormhole/vector_exp.hpp"

namespace tessera::wormhole {
namespace {

// 1 / sqrt(x) and sqrt(x), after Kokosinski et al. 2024: a magic seed, one cubic correction, one Newton step.
struct Root {
  Lane y;   // close to 1 / sqrt(x)
  Lane xy;  // x * y
  Lane error;
};

Root refine_root(Lane x) {
  Lane y(0x5F1110A0u - (x.bits >> 1));
  const Lane c = -y * (x * y);
  y = y * mad(c, c + 2.2533049f, 2.2825186f);
  const Lane xy = x * y;
  return {y, xy, mad(-y, xy, 1.0f)};
}

constexpr std::uint32_t kInfinityBits = 0x7F800000u;

// x is 0 or infinity: infinity or 0, by subtracting the bits.
bool is_pole(Lane x) {
  return x.bits == 0 || x.bits == kInfinityBits;
}

Lane rsqrt(Lane x, bool approximate) {
  if (x < 0.0f) return std::numeric_limits<float>::quiet_NaN();
  if (is_pole(x)) return Lane(kInfinityBits - x.bits);
  if (approximate) {
    const Lane y(0x5F0B3892u - (x.bits >> 1));
    return y * mad(-y, x * y, 1.89099014875f);
  }
  const Root root = refine_root(x);
  return mad(root.error, setexp(root.y, exexp(root.y) - 1), root.y);
}

Lane sqrt(Lane x, bool approximate) {
  if (x < 0.0f) return std::numeric_limits<float>::quiet_NaN();
  if (x.bits == kInfinityBits) return x;
  if (approximate) {
    const Lane y(0x5F0B3892u - (x.bits >> 1));
    const Lane c = x * y;
    return c * mad(-y, c, 1.89099014875f);
  }
  const Root root = refine_root(x);
  return mad(root.error, root.xy * 0.5f, root.xy);
}

Lane exp(Lane x, VectorMode mode) {
  if (mode.approximate) return exp_approximate(x);
  return mode.fp32_dest ? exp_accurate(x) : exp_21f(x);
}

// Nothing is rounded to bfloat16 on the way.
Lane sigmoid(Lane x, bool fp32_dest) {
  const Lane denominator = exp(-x, {fp32_dest, false}) + 1.0f;
  return reciprocal(denominator, fp32_dest ? 2 : 1);
}

// The vendor's table of six segments on |x|: slopes and offsets are fp16 numbers.
Lane gelu_approximate(Lane x) {
  struct Segment {
    float end, slope, offset;
  };
  constexpr auto kSegments = std::to_array<Segment>({
      {0.5f, 0x1.8acp-3f, -0x1.b6p-14f},
      {1.0f, 0x1.f9cp-2f, -0x1.488p-3f},
      {1.5f, 0x1.3ccp-1f, -0x1.1e4p-2f},
      {2.0f, 0x1.384p-1f, -0x1.0dcp-2f},
      {3.0f, 0x1.148p-1f, -0x1.e9p-4f},
      {std::numeric_limits<float>::infinity(), 0.5f, 0.0f},
  });
  std::size_t i = 0;
  while (i + 1 < kSegments.size() && magnitude(x) >= kSegments[i].end) ++i;
  return x * 0.5f + mad(kSegments[i].slope, magnitude(x), kSegments[i].offset);
}

// exp(-x^2 / 2) by Cody-Waite and a Taylor polynomial of degree 5, times a fitted correction.
Lane gelu_tail(Lane x, Lane x2) {
  constexpr Lane kMagic(12582912.0f);
  const Lane t = x2 * -0.5f;
  const Lane shifted = t * 1.4426950408889634f + kMagic;
  const Lane k = shifted - kMagic;
  Lane r = mad(k, -0.693115234375f, t);
  r = mad(k, -3.19461832987e-05f, r);
  const Lane p = polynomial(r, 1.0f, 1.0f, 0.5f, 1.0f / 6.0f, 1.0f / 24.0f, 1.0f / 120.0f);
  const Lane scaled = setexp(p, exexp(p) + static_cast<int>(shifted.bits - kMagic.bits));
  return scaled * polynomial(x, -2.9069766448e-01f, 3.9288617802e-02f, 5.8260409601e-03f, 3.9454728181e-04f,
                             1.0058581740e-05f);
}

Lane gelu(Lane x, bool approximate) {
  if (approximate) return gelu_approximate(x);
  if (x >= 2.78125f) return x;
  const Lane x2 = x * x;
  if (x >= -3.125f) {
    const Lane odd =
        polynomial(x2, 3.9894151688e-01f, -6.6479682922e-02f, 9.9489670247e-03f, -1.1655492708e-03f,
                   1.0574820044e-04f, -7.0036203397e-06f, 2.9501944709e-07f, -5.7769380390e-09f);
    return x * mad(x, odd, 0.5f);
  }
  return x > -13.1875f ? gelu_tail(x, x2) : Lane(0.0f);
}

// Three segments on |x|; the result takes the sign of x.
Lane tanh_approximate(Lane x) {
  const Lane a = magnitude(x);
  if (a < 1.0f) return setsgn(a * 0.90625f, x);
  return setsgn(a < 2.0f ? mad(a, 0.09375f, 0.8125f) : Lane(1.0f), x);
}

Lane tanh(Lane x, VectorMode mode) {
  if (mode.approximate) return tanh_approximate(x);
  if (!mode.fp32_dest) {
    const Lane y = polynomial(magnitude(x), 0.0f, 0.999004364013671875f, 3.0897438526153564453125e-2f,
                              -0.4890659749507904052734375f, 0.281917631626129150390625f,
                              -6.6649019718170166015625e-2f, 5.876733921468257904052734375e-3f);
    return setsgn(lesser(y, 1.0f), x);
  }
  if (magnitude(x) < 0.6f) {
    return x * polynomial(x * x, 0.999999940395355224609375f, -0.33332359790802001953125f,
                          0.13310669362545013427734375f, -5.21197654306888580322265625e-2f,
                          1.5497927553951740264892578125e-2f);
  }
  return mad(sigmoid(x * 2.0f, true), 2.0f, -1.0f);
}

Lane run(VectorOp op, VectorMode mode, Lane x) {
  switch (op) {
    case VectorOp::Exp:
      return exp(x, mode);
    case VectorOp::Reciprocal:
      return reciprocal(x, mode.fp32_dest && !mode.approximate ? 2 : 1);
    case VectorOp::Sqrt:
      return sqrt(x, mode.approximate);
    case VectorOp::Rsqrt:
      return rsqrt(x, mode.approximate);
    case VectorOp::Sigmoid:
      return sigmoid(x, mode.fp32_dest);
    case VectorOp::Silu:
      return x * sigmoid(x, mode.fp32_dest);
    case VectorOp::Gelu:
      return gelu(x, mode.approximate);
    case VectorOp::Tanh:
      return tanh(x, mode);
  }
  return x;
}

bool ends_rounded(VectorOp op, VectorMode mode) {
  return !mode.fp32_dest && (!mode.approximate || op == VectorOp::Sigmoid || op == VectorOp::Silu);
}

}  // namespace

std::string_view to_string(VectorOp op) {
  constexpr std::array<std::string_view, 8> kNames{"exp",     "reciprocal", "sqrt", "rsqrt",
                                                   "sigmoid", "silu",       "gelu", "tanh"};
  return kNames[static_cast<std::size_t>(op)];
}

std::uint32_t vector_op(VectorOp op, VectorMode mode, std::uint32_t x) {
  const std::uint32_t y = run(op, mode, Lane(x)).bits;
  return ends_rounded(op, mode) ? float_to_fp16b(y) : y;
}

void apply_vector_op(VectorOp op, VectorMode mode, Tile& dest) {
  const DestFormat format = mode.fp32_dest ? DestFormat::Fp32 : DestFormat::Bf16;
  for (std::uint32_t& word : dest) word = sfpu_store(format, vector_op(op, mode, sfpu_load(format, word)));
}

}  // namespace tessera::wormhole
