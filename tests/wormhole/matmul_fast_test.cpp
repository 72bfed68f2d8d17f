// The vectorised tile product equals the scalar one: every pair of kinds of tiles, every fidelity, every
// Dest, every instruction set of this machine.
#include "wormhole/matmul_fast.hpp"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <vector>

#include "tensor/tile.hpp"
#include "tiles.hpp"
#include "wormhole/eltwise.hpp"
#include "wormhole/l1_accumulate.hpp"
#include "wormhole/matmul.hpp"

namespace tessera::wormhole::test {
namespace {

constexpr MathFidelity kFidelities[] = {MathFidelity::LoFi, MathFidelity::HiFi2, MathFidelity::HiFi3,
                                        MathFidelity::HiFi4};

struct Arithmetic {
  SrcFormat source;
  DestFormat dest;
};
constexpr Arithmetic kArithmetics[] = {{SrcFormat::Float16b, DestFormat::Bf16},
                                       {SrcFormat::Float16b, DestFormat::Fp32},
                                       {SrcFormat::Tf32, DestFormat::Fp32},
                                       {SrcFormat::Float16, DestFormat::Fp16}};

// Runs with each instruction set that this machine has, at least the one that the compiler was told of.
class MatmulFast : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { choose(GetParam()); }
  void TearDown() override { choose(0); }

  static void choose(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

std::vector<std::int64_t> targets() {
  std::vector<std::int64_t> found{HWY_STATIC_TARGET};
  for (const std::int64_t target : {HWY_AVX2, HWY_AVX3}) {
    if ((hwy::SupportedTargets() & target) != 0 && target != HWY_STATIC_TARGET) found.push_back(target);
  }
  return found;
}

void expect_equal(MathFidelity fidelity, DestFormat format, const Tile& in0, const Tile& in1,
                  const Tile& dest) {
  Tile expected = dest, got = dest;
  matmul_tile(fidelity, format, in0, in1, expected);
  matmul_tile_fast(fidelity, format, in0, in1, got);
  ASSERT_EQ(got, expected);
}

TEST_P(MatmulFast, EveryKindOfTile) {
  Rng rng(11);
  for (const auto& [source, format] : kArithmetics) {
    for (int first = 0; first < kKinds; ++first) {
      for (int second = 0; second < kKinds; ++second) {
        const Tile in0 = random_source(static_cast<Kind>(first), rng, source);
        const Tile in1 = random_source(static_cast<Kind>(second), rng, source);
        const Tile dest = random_dest(static_cast<Kind>(rng.below(kKinds)), rng, format);
        const MathFidelity fidelity = kFidelities[rng.below(4)];
        SCOPED_TRACE(testing::Message() << first << " x " << second << ", source " << static_cast<int>(source)
                                        << ", fidelity " << static_cast<int>(fidelity));
        expect_equal(fidelity, format, in0, in1, dest);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(MatmulFast, EveryFidelityFromAnEmptyDest) {
  Rng rng(12);
  for (const auto& [source, format] : kArithmetics) {
    for (const MathFidelity fidelity : kFidelities) {
      for (const Kind kind : {Kind::Normal, Kind::Cancel, Kind::Bits}) {
        const Tile in0 = random_source(kind, rng, source), in1 = random_source(kind, rng, source);
        expect_equal(fidelity, format, in0, in1, Tile{});
        if (HasFatalFailure()) return;
      }
    }
  }
}

// Dest just off the negative of the product: residues of +-1 unit, the normalisation bug included.
TEST_P(MatmulFast, ResiduesOfOneUnit) {
  Rng rng(13);
  int quirks = 0;
  for (const MathFidelity fidelity : kFidelities) {
    const Tile in0 = random_source(Kind::Normal, rng, SrcFormat::Float16b);
    const Tile in1 = random_source(Kind::Normal, rng, SrcFormat::Float16b);
    Tile dest{};
    matmul_tile(fidelity, DestFormat::Fp32, in0, in1, dest);
    for (auto& word : dest) {
      word = (word ^ 0x80000000u) + static_cast<std::uint32_t>(rng.below(3)) - 1;
    }
    expect_equal(fidelity, DestFormat::Fp32, in0, in1, dest);
    Tile result = dest;
    matmul_tile(fidelity, DestFormat::Fp32, in0, in1, result);
    for (const auto word : result) quirks += is_negative(word) && fraction_of(word) == 0 ? 1 : 0;
  }
  EXPECT_GT(quirks, 0) << "the inputs no longer reach the bug";
}

TEST_P(MatmulFast, StructuredTiles) {
  Rng rng(14);
  Tile identity{}, ones{}, zeros{}, checks{}, outlier = random_source(Kind::Normal, rng, SrcFormat::Float16b);
  for (std::int64_t i = 0; i < 32; ++i) identity[index_in_tile(i, i)] = 0x3F800000u;
  ones.fill(0x3F800000u);
  for (std::size_t i = 0; i < checks.size(); ++i) checks[i] = i % 2 == 0 ? 0x3F800000u : 0xBF800000u;
  for (std::int64_t i = 0; i < 32; ++i) outlier[index_in_tile(i, 3)] = 0x432A0000u;  // 170: a massive channel
  const Tile* tiles[] = {&identity, &ones, &zeros, &checks, &outlier};
  for (const Tile* in0 : tiles) {
    for (const Tile* in1 : tiles) {
      for (const DestFormat format : {DestFormat::Bf16, DestFormat::Fp32}) {
        expect_equal(MathFidelity::HiFi2, format, *in0, *in1, outlier);
        if (HasFatalFailure()) return;
      }
    }
  }
}

// A few rows of activations give what they give among 32.
TEST_P(MatmulFast, FewRows) {
  Rng rng(15);
  const Tile in0 = random_source(Kind::Normal, rng, SrcFormat::Float16b);
  const Tile in1 = random_source(Kind::Wide, rng, SrcFormat::Float16b);
  ActivationOperand activations;
  WeightOperand weights;
  prepare_weights(DestFormat::Fp32, in1, weights);
  prepare_activations(in0, 32, activations);
  DestRows all{}, few{};
  matmul_tile_fast(MathFidelity::HiFi4, DestFormat::Fp32, 32, activations, weights, all);
  prepare_activations(in0, 5, activations);
  matmul_tile_fast(MathFidelity::HiFi4, DestFormat::Fp32, 5, activations, weights, few);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(few[i], i < 5 * 32 ? all[i] : 0u);
}

// The element-wise instructions in vectors, and the last words of a row that fills none.
TEST_P(MatmulFast, RowsOfElements) {
  Rng rng(17);
  for (const auto& [source, format] : kArithmetics) {
    for (int pair = 0; pair < kKinds * kKinds; ++pair) {
      const Tile a = random_source(static_cast<Kind>(pair / kKinds), rng, source);
      const Tile b = random_source(static_cast<Kind>(pair % kKinds), rng, source);
      for (const EltwiseOp op : {EltwiseOp::Add, EltwiseOp::Subtract, EltwiseOp::Multiply}) {
        const MathFidelity fidelity = kFidelities[rng.below(4)];
        std::vector<std::uint32_t> row(1021);
        eltwise_row(op, fidelity, format, std::span(a).first(row.size()), std::span(b).first(row.size()),
                    row);
        for (std::size_t i = 0; i < row.size(); ++i) {
          ASSERT_EQ(row[i], eltwise(op, fidelity, format, a[i], b[i]))
              << std::hex << a[i] << ", " << b[i] << ", op " << static_cast<int>(op) << ", fidelity "
              << static_cast<int>(fidelity) << ", Dest " << static_cast<int>(format);
        }
      }
    }
  }
}

// By float32 sums as by double ones: exponents at every distance, ties, what overflows or vanishes.
TEST(L1Accumulate, RowsOfBfloat16) {
  Rng rng(18);
  for (int pair = 0; pair < 8 * kKinds * kKinds; ++pair) {
    Tile a = random_source(static_cast<Kind>(pair / kKinds % kKinds), rng, SrcFormat::Float16b);
    const Tile b = random_source(static_cast<Kind>(pair % kKinds), rng, SrcFormat::Float16b);
    const Tile before = a;
    l1_add_bfloat16_row(a, b);
    for (std::size_t i = 0; i < a.size(); ++i) {
      ASSERT_EQ(a[i] >> 16,
                l1_add_bfloat16(static_cast<bf16>(before[i] >> 16), static_cast<bf16>(b[i] >> 16)))
          << std::hex << before[i] << " + " << b[i];
    }
  }
  for (std::uint32_t distance = 0; distance < 40; ++distance) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
      const std::uint32_t big = (100u + (bits & 1u)) << 23 | (bits & 0xFEu) << 15 | (bits & 0x100u) << 23;
      const std::uint32_t small = (100u - distance) << 23 | (bits >> 9) << 16;
      std::uint32_t sum = big;
      l1_add_bfloat16_row(std::span(&sum, 1), std::span(&small, 1));
      ASSERT_EQ(sum >> 16, l1_add_bfloat16(static_cast<bf16>(big >> 16), static_cast<bf16>(small >> 16)))
          << std::hex << big << " + " << small;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, MatmulFast, testing::ValuesIn(targets()),
                         [](const auto& test) { return hwy::TargetName(test.param); });

TEST(Matmul, TransposedSwapsRowsAndColumns) {
  Rng rng(16);
  const Tile tile = random_source(Kind::Bits, rng, SrcFormat::Tf32);
  const Tile swapped = transposed(tile);
  EXPECT_EQ(swapped[index_in_tile(3, 20)], tile[index_in_tile(20, 3)]);
  EXPECT_EQ(transposed(swapped), tile);
}

}  // namespace
}  // namespace tessera::wormhole::test
