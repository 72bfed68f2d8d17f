#include "wormhole/matmul.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "tensor/tile.hpp"
#include "wormhole/accumulate.hpp"
#include "wormhole/operand.hpp"

namespace tessera::wormhole {
namespace {

constexpr std::size_t kGroup = 8;   // products summed at one alignment
constexpr std::size_t kDepth = 16;  // K of one MVMUL

// Section 4, step 1. Zero operands count as exponent 0, so they never raise the group's.
Group product_group(DestFormat format, int phase, std::span<const std::uint32_t, kGroup> a,
                    std::span<const std::uint32_t, kGroup> b) {
  struct Term {
    bool negative = false;
    int exponent = 0;
    std::uint32_t product = 0;
  };
  std::array<Term, kGroup> terms;
  for (std::size_t k = 0; k < kGroup; ++k) {
    const Operand x = operand(a[k]);
    const Operand y = operand(b[k]);
    if (x.zero || y.zero) continue;
    terms[k] = {x.negative != y.negative, product_exponent(x, y, phase, format),
                slice_a(x, phase) * slice_b(y, phase)};
  }
  const int exponent = std::ranges::max_element(terms, {}, &Term::exponent)->exponent;
  if (exponent <= 0) return {};
  int sum = 0;
  for (const Term& term : terms) {
    const auto t = static_cast<int>(round_half_up(term.product, std::min(exponent - term.exponent, 30)));
    sum += term.negative ? -t : t;
  }
  // A group that cancels keeps its exponent and takes part in the alignment.
  return {sum < 0, exponent, static_cast<std::uint32_t>(std::abs(sum)) << 13};
}

}  // namespace

std::uint32_t mvmul(DestFormat format, int phase, std::span<const std::uint32_t, 16> a,
                    std::span<const std::uint32_t, 16> b, std::uint32_t dest) {
  return accumulate(format, dest, product_group(format, phase, a.first<kGroup>(), b.first<kGroup>()),
                    product_group(format, phase, a.last<kGroup>(), b.last<kGroup>()));
}

void matmul_tile(MathFidelity fidelity, DestFormat format, const Tile& in0, const Tile& in1, Tile& dest) {
  for (std::int64_t row = 0; row < kTileSize; ++row) {
    for (std::int64_t col = 0; col < kTileSize; ++col) {
      std::uint32_t& d = dest[index_in_tile(row, col)];
      for (int phase = 0; phase < fidelity_phases(fidelity); ++phase) {
        for (std::int64_t half = 0; half < kTileSize; half += kFaceSize) {
          std::array<std::uint32_t, kDepth> a, b;
          for (std::size_t k = 0; k < kDepth; ++k) {
            a[k] = in1[index_in_tile(half + static_cast<std::int64_t>(k), col)];
            b[k] = in0[index_in_tile(row, half + static_cast<std::int64_t>(k))];
          }
          d = mvmul(format, phase, a, b, d);
        }
      }
    }
  }
}

Tile transposed(const Tile& tile) {
  Tile result;
  for (std::int64_t row = 0; row < kTileSize; ++row) {
    for (std::int64_t col = 0; col < kTileSize; ++col) {
      result[index_in_tile(col, row)] = tile[index_in_tile(row, col)];
    }
  }
  return result;
}

}  // namespace tessera::wormhole
