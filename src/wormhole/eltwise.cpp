#include "wormhole/eltwise.hpp"

#include <algorithm>
#include <utility>

#include "wormhole/accumulate.hpp"
#include "wormhole/operand.hpp"

namespace tessera::wormhole {
namespace {

Group product(const Operand& a, const Operand& b, int phase, DestFormat format) {
  const int exponent = product_exponent(a, b, phase, format);
  if (a.zero || b.zero || exponent <= 0) return {};
  return {a.negative != b.negative, exponent, (slice_a(a, phase) * slice_b(b, phase)) << 13};
}

// Zero operands are +0 here: no exponent, no significand, no sign.
Operand addend(std::uint32_t word) {
  const Operand x = operand(word);
  return x.zero ? Operand{false, true, 0, 0} : x;
}

// The smaller operand is rounded to the larger one's 11 bits before the addition.
Group sum(Operand a, Operand b) {
  if (std::pair(a.exponent, a.significand) < std::pair(b.exponent, b.significand)) std::swap(a, b);
  const int shift = a.exponent - b.exponent;
  const std::uint32_t small = shift < 12 ? round_half_up(b.significand, shift) : 0;
  const std::uint32_t m = a.negative == b.negative ? a.significand + small : a.significand - small;
  return {a.negative, a.exponent, m << 13};
}

}  // namespace

std::uint32_t eltwise(EltwiseOp op, MathFidelity fidelity, DestFormat format, std::uint32_t a,
                      std::uint32_t b, std::uint32_t dest) {
  if (op == EltwiseOp::Multiply) {
    for (int phase = 0; phase < fidelity_phases(fidelity); ++phase) {
      dest = accumulate(format, dest, product(operand(a), operand(b), phase, format));
    }
    return dest;
  }
  return accumulate(format, dest, sum(addend(a), addend(op == EltwiseOp::Subtract ? b ^ 0x80000000u : b)));
}

void eltwise_tile(EltwiseOp op, MathFidelity fidelity, DestFormat format, const Tile& a, const Tile& b,
                  bool accumulate, Tile& dest) {
  for (std::size_t i = 0; i < dest.size(); ++i) {
    dest[i] = eltwise(op, fidelity, format, a[i], b[i], accumulate ? dest[i] : 0);
  }
}

Tile copy_to_dest(DestFormat format, const Tile& source) {
  Tile dest;
  for (std::size_t i = 0; i < dest.size(); ++i) {
    if (format == DestFormat::Fp32) {
      dest[i] = eltwise(EltwiseOp::Add, MathFidelity::LoFi, format, source[i], 0);
    } else {
      dest[i] = exponent_of(source[i]) == 0 ? 0 : source[i];
    }
  }
  return dest;
}

}  // namespace tessera::wormhole
