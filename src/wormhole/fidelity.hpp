#pragma once
// Math fidelity: how many of the multiplier's four passes run (section 3). TT-NN's name and values.
#include <cstdint>

namespace tessera {

enum class MathFidelity : std::uint8_t { LoFi = 0, HiFi2 = 2, HiFi3 = 3, HiFi4 = 4 };

/// 1, 2, 3, 4.
constexpr int fidelity_phases(MathFidelity fidelity) {
  return fidelity == MathFidelity::LoFi ? 1 : static_cast<int>(fidelity);
}

}  // namespace tessera
