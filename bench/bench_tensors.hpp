#pragma once
// Tensors and counters that the benchmarks share. Sizes are SmolLM2-135M's unless a benchmark says otherwise.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "device/tensor.hpp"
#include "util/rng.hpp"

namespace tessera::bench {

inline Device& fast_device() {
  static const auto device = Device::open("cpu", Engine::Fast);
  return *device;
}

inline Tensor random_tensor(const Shape& shape, DataType dtype, const MemoryConfig& config = {},
                            Layout layout = Layout::TILE) {
  Rng rng(1);
  std::vector<float> values(static_cast<std::size_t>(shape.volume()));
  for (float& value : values) value = rng.normal();
  return to_device(fast_device(), std::span<const float>(values), {shape, dtype, layout}, config);
}

inline Tensor integers(const Shape& shape, const std::vector<std::int32_t>& values) {
  return to_device(fast_device(), values, {shape, DataType::INT32, Layout::ROW_MAJOR});
}

/// Rates per second of one iteration's work.
inline void count(benchmark::State& state, double flops, double bytes) {
  using benchmark::Counter;
  state.counters["FLOP/s"] = Counter(flops, Counter::kIsIterationInvariantRate);
  state.counters["B/s"] = Counter(bytes, Counter::kIsIterationInvariantRate);
}

inline double packed(const Tensor& tensor) {
  return static_cast<double>(tensor.spec().packed_bytes());
}

}  // namespace tessera::bench
