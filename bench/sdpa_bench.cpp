#include <numeric>

#include "bench_tensors.hpp"
#include "ops/sdpa/sdpa.hpp"

namespace tessera::bench {
namespace {

constexpr std::int64_t kHeads = 9, kKvHeads = 3, kHeadDim = 64, kPage = 32;

// range(0) users, each with range(1) positions in pages of its own.
void sdpa_decode(benchmark::State& state) {
  const std::int64_t users = state.range(0), context = state.range(1), blocks = context / kPage;
  const Shape pages{users * blocks, kKvHeads, kPage, kHeadDim};
  const Tensor q = random_tensor(Shape{1, users, kHeads, kHeadDim}, DataType::FLOAT32);
  const Tensor k = random_tensor(pages, DataType::BFLOAT16);
  const Tensor v = random_tensor(pages, DataType::BFLOAT16);
  std::vector<std::int32_t> table(static_cast<std::size_t>(users * blocks));
  std::iota(table.begin(), table.end(), 0);
  const Tensor page_table = integers(Shape{users, blocks}, table);
  const std::vector<std::int32_t> last(static_cast<std::size_t>(users),
                                       static_cast<std::int32_t>(context - 1));
  const Tensor positions = integers(Shape{users}, last);
  for (auto _ : state) {
    const Tensor out = transformer::paged_scaled_dot_product_attention_decode(q, k, v, page_table, positions);
    benchmark::DoNotOptimize(out.bytes().data());
  }
  count(state, 4.0 * static_cast<double>(users * kHeads * context * kHeadDim), packed(k) + packed(v));
}
BENCHMARK(sdpa_decode)->ArgsProduct({{1, 32}, {512, 2048}})->UseRealTime();

// A causal prompt of range(0) tokens: half of the square is computed.
void sdpa_prefill(benchmark::State& state) {
  const std::int64_t rows = state.range(0);
  const Tensor q = random_tensor(Shape{1, kHeads, rows, kHeadDim}, DataType::FLOAT32);
  const Tensor k = random_tensor(Shape{1, kKvHeads, rows, kHeadDim}, DataType::BFLOAT16);
  const Tensor v = random_tensor(Shape{1, kKvHeads, rows, kHeadDim}, DataType::BFLOAT16);
  for (auto _ : state) {
    benchmark::DoNotOptimize(transformer::scaled_dot_product_attention(q, k, v).bytes().data());
  }
  const auto pairs = static_cast<double>(rows * (rows + 1)) / 2;
  count(state, 4.0 * pairs * static_cast<double>(kHeads * kHeadDim), packed(k) + packed(v));
}
BENCHMARK(sdpa_prefill)->Arg(128)->Arg(512)->Arg(2048)->UseRealTime();

}  // namespace
}  // namespace tessera::bench
