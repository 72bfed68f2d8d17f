#pragma once
// What the fast engine makes of activations before it multiplies them with block-float weights, from the
// description in linear_block-inl.hpp: 32 values of a row in units of 2^(e - 12), e the largest's exponent.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace tessera::test {

inline float fixed_point_unit(const float* values, std::size_t n) {
  float largest = 0;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::abs(values[i]));
  return largest < 0x1p-100f ? 0.0f : std::ldexp(1.0f, std::ilogb(largest) - 12);
}

/// Calls body(first, n, unit) for each block of each row of k values.
template <class Body>
void for_each_fixed_block(const std::vector<float>& x, std::size_t k, Body body) {
  for (std::size_t row = 0; row < x.size(); row += k) {
    for (std::size_t i = 0; i < k; i += 32) {
      const std::size_t n = std::min<std::size_t>(32, k - i);
      body(row + i, n, fixed_point_unit(x.data() + row + i, n));
    }
  }
}

/// Values that the fast engine multiplies as they are: up to 8191 units.
inline std::vector<float> fixed_point(std::vector<float> x, std::size_t k) {
  for_each_fixed_block(x, k, [&](std::size_t first, std::size_t n, float unit) {
    for (std::size_t j = first; j < first + n; ++j) {
      x[j] = unit == 0 ? 0 : std::clamp(std::nearbyint(x[j] / unit), -8191.0f, 8191.0f) * unit;
    }
  });
  return x;
}

}  // namespace tessera::test
