#include <algorithm>
#include <cmath>

#include "ops/sampling/sampling_op.hpp"
#include "util/rng.hpp"

namespace tessera {
namespace {

// The step-th number of the seed's own stream. The seed is scrambled first: streams of neighbouring seeds
// would otherwise be shifts of each other.
double uniform(std::uint64_t seed, std::int64_t step) {
  Rng scrambled(seed);
  return Rng(scrambled.next() + static_cast<std::uint64_t>(step) * 0x9E3779B97F4A7C15ull).uniform();
}

}  // namespace

std::size_t draw(std::span<const float> logits, const SamplingParams& params, std::int64_t step) {
  if (params.temperature == 0) return 0;
  std::size_t n = logits.size();
  if (params.top_k > 0) n = std::min(n, static_cast<std::size_t>(params.top_k));
  std::vector<double> weights(n);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    weights[i] = std::exp((static_cast<double>(logits[i]) - logits[0]) / params.temperature);
    sum += weights[i];
  }
  // Infinite or undefined logits leave no distribution to draw from.
  if (!std::isfinite(sum)) return 0;
  // Nucleus (Holtzman et al. 2020): the fewest candidates that hold top_p of the weight.
  const double wanted = sum * params.top_p;
  double kept = 0;
  std::size_t count = 0;
  while (count < n && (count == 0 || kept < wanted)) kept += weights[count++];
  double rest = uniform(params.seed, step) * kept;
  for (std::size_t i = 0; i < count; ++i) {
    rest -= weights[i];
    if (rest < 0) return i;
  }
  return count - 1;
}

void Sampling::run_ref(Inputs in, Outputs out) const {
  const std::int64_t k = in[0].logical_shape()[-1];
  const std::vector<float> logits = in[0].to_vector();
  for (std::int64_t u = 0; u < in[0].logical_shape().rows(); ++u) {
    const auto user = static_cast<std::size_t>(u);
    const auto row =
        std::span(logits).subspan(user * static_cast<std::size_t>(k), static_cast<std::size_t>(k));
    const auto drawn = static_cast<std::int64_t>(draw(row, params[user], steps[user]));
    out[0].data<std::int32_t>()[u] = in[1].data<std::int32_t>()[u * k + drawn];
  }
}

}  // namespace tessera
