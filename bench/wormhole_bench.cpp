// The tile product of the wormhole room, one thread: multiply-accumulates per second per fidelity phase.
// isa 0: the best of this machine, 1: AVX2.
#include <benchmark/benchmark.h>
#include <hwy/targets.h>

#include <bit>

#include "util/rng.hpp"
#include "wormhole/matmul.hpp"
#include "wormhole/matmul_fast.hpp"

namespace tessera::wormhole {
namespace {

Tile random_tile(std::uint64_t seed) {
  Rng rng(seed);
  Tile tile;
  for (auto& word : tile) word = std::bit_cast<std::uint32_t>(rng.normal()) & 0xFFFF0000u;
  return tile;
}

void count(benchmark::State& state, int rows, MathFidelity fidelity) {
  state.counters["mac/phase"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * rows * 32 * 32 * fidelity_phases(fidelity),
                         benchmark::Counter::kIsRate);
}

// Rows of activations against one weight tile after another, the weights taken apart each time.
void tile_matmul(benchmark::State& state, MathFidelity fidelity, DestFormat format) {
  const int rows = static_cast<int>(state.range(0));
  hwy::SetSupportedTargetsForTest(state.range(1) == 0 ? 0 : HWY_AVX2);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  const Tile in0 = random_tile(1), in1 = random_tile(2);
  ActivationOperand activations;
  WeightOperand weights;
  DestRows dest{};
  prepare_activations(in0, rows, activations);
  for (auto _ : state) {
    prepare_weights(format, in1, weights);
    matmul_tile_fast(fidelity, format, rows, activations, weights, dest);
    benchmark::DoNotOptimize(dest.data());
  }
  count(state, rows, fidelity);
}

void tile_matmul_scalar(benchmark::State& state, MathFidelity fidelity, DestFormat format) {
  const Tile in0 = random_tile(1), in1 = random_tile(2);
  Tile dest{};
  for (auto _ : state) {
    matmul_tile(fidelity, format, in0, in1, dest);
    benchmark::DoNotOptimize(dest.data());
  }
  count(state, 32, fidelity);
}

#define TILE_MATMUL(fidelity, format)                                                             \
  BENCHMARK_CAPTURE(tile_matmul, fidelity##_##format, MathFidelity::fidelity, DestFormat::format) \
      ->ArgNames({"rows", "isa"})                                                                 \
      ->ArgsProduct({{1, 32}, {0, 1}})
TILE_MATMUL(LoFi, Bf16);
TILE_MATMUL(LoFi, Fp32);
TILE_MATMUL(HiFi2, Bf16);
TILE_MATMUL(HiFi2, Fp32);
TILE_MATMUL(HiFi4, Fp32);
BENCHMARK_CAPTURE(tile_matmul_scalar, HiFi2_fp32, MathFidelity::HiFi2, DestFormat::Fp32);

}  // namespace
}  // namespace tessera::wormhole
