#include "bench_tensors.hpp"
#include "ops/rms_norm/rms_norm.hpp"

namespace tessera::bench {
namespace {

void rms_norm_rows(benchmark::State& state, DataType dtype) {
  constexpr std::int64_t kDim = 2048;
  const std::int64_t rows = state.range(0);
  const Tensor x = random_tensor(Shape{1, 1, rows, kDim}, dtype);
  const Tensor weight = random_tensor(Shape{kDim}, DataType::BFLOAT16, {}, Layout::ROW_MAJOR);
  for (auto _ : state) benchmark::DoNotOptimize(rms_norm(x, 1e-5f, weight).bytes().data());
  const auto values = static_cast<double>(rows * kDim);
  // A square, a sum, two products; read once and written once.
  count(state, 4 * values, 2 * values * (dtype == DataType::FLOAT32 ? 4 : 2));
}

BENCHMARK_CAPTURE(rms_norm_rows, float32, DataType::FLOAT32)->Arg(1)->Arg(32)->Arg(512)->UseRealTime();
BENCHMARK_CAPTURE(rms_norm_rows, bfloat16, DataType::BFLOAT16)->Arg(1)->Arg(32)->Arg(512)->UseRealTime();

}  // namespace
}  // namespace tessera::bench
