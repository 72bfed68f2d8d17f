// linear by rows and weight dtype: one row is bound by the bytes of the weights, 512 by arithmetic.
#include "bench_tensors.hpp"
#include "ops/linear/linear.hpp"

namespace tessera::bench {
namespace {

constexpr std::int64_t kIn = 2048, kOut = 8192;  // Llama 3.2 1B's up projection: larger than the caches

void linear_rows(benchmark::State& state, DataType dtype) {
  const std::int64_t rows = state.range(0);
  const Tensor x = random_tensor(Shape{1, 1, rows, kIn}, DataType::FLOAT32);
  const Tensor weight = random_tensor(Shape{kIn, kOut}, dtype, DRAM_WIDTH_SHARDED);
  for (auto _ : state) benchmark::DoNotOptimize(linear(x, weight).bytes().data());
  count(state, 2.0 * static_cast<double>(rows * kIn * kOut), packed(weight));
}

BENCHMARK_CAPTURE(linear_rows, bfloat16, DataType::BFLOAT16)->Arg(1)->Arg(32)->Arg(512)->UseRealTime();
BENCHMARK_CAPTURE(linear_rows, bfloat8_b, DataType::BFLOAT8_B)->Arg(1)->Arg(32)->Arg(512)->UseRealTime();
BENCHMARK_CAPTURE(linear_rows, bfloat4_b, DataType::BFLOAT4_B)->Arg(1)->Arg(32)->Arg(512)->UseRealTime();

}  // namespace
}  // namespace tessera::bench
