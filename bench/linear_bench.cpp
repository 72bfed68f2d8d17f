// linear by rows and weight dtype: one row is bound by the bytes of the weights, 512 by arithmetic.
#include <map>

#include "bench_tensors.hpp"
#include "ops/linear/linear.hpp"

namespace tessera::bench {
namespace {

constexpr std::int64_t kIn = 2048, kOut = 8192;  // Llama 3.2 1B's up projection

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

// Four times 32 MiB: one after another, as in a decode step, they come from memory.
const std::vector<Tensor>& many_weights(DataType dtype) {
  static std::map<DataType, std::vector<Tensor>> made;  // a benchmark's body runs several times
  std::vector<Tensor>& weights = made[dtype];
  while (weights.empty() || packed(weights[0]) * static_cast<double>(weights.size()) < 128e6)
    weights.push_back(random_tensor(Shape{kIn, kOut}, dtype, DRAM_WIDTH_SHARDED));
  return weights;
}

void linear_stream(benchmark::State& state, DataType dtype) {
  const Tensor x = random_tensor(Shape{1, 1, 1, kIn}, DataType::FLOAT32);
  const std::vector<Tensor>& weights = many_weights(dtype);
  std::size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(linear(x, weights[next++ % weights.size()]).bytes().data());
  count(state, 2.0 * static_cast<double>(kIn * kOut), packed(weights[0]));
}

BENCHMARK_CAPTURE(linear_stream, bfloat16, DataType::BFLOAT16)->UseRealTime();
BENCHMARK_CAPTURE(linear_stream, bfloat8_b, DataType::BFLOAT8_B)->UseRealTime();
BENCHMARK_CAPTURE(linear_stream, bfloat4_b, DataType::BFLOAT4_B)->UseRealTime();

}  // namespace
}  // namespace tessera::bench
