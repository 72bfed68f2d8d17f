#pragma once
// Random numbers that are the same on every machine and standard library: std::normal_distribution and
// friends are not specified to the bit, and a bring-up must be repeatable.
#include <cmath>
#include <cstdint>

namespace tessera {

/// SplitMix64 (Steele, Lea, Flood 2014): one 64-bit state, passes BigCrush, seedable with any value.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }

  /// Uniform in [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  /// Uniform in [0, n).
  std::uint64_t below(std::uint64_t n) { return next() % n; }

  /// N(0, 1), by Box-Muller.
  float normal() {
    const double u = 1.0 - uniform();
    const double v = uniform();
    return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v));
  }

  /// Student's t with 3 degrees of freedom: the heavy tail that trained activations show.
  float heavy_tailed() {
    const float a = normal(), b = normal(), c = normal();
    return normal() / std::sqrt((a * a + b * b + c * c) / 3.0f + 1e-6f);
  }

 private:
  std::uint64_t state_;
};

}  // namespace tessera
