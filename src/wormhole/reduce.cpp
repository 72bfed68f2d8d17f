#include "wormhole/reduce.hpp"

#include <array>

#include "wormhole/lane.hpp"
#include "wormhole/matmul.hpp"

namespace tessera::wormhole {

std::uint32_t reduce_sum(MathFidelity fidelity, DestFormat format, std::span<const std::uint32_t> row,
                         std::uint32_t scaler, std::uint32_t dest) {
  std::array<std::uint32_t, 16> scalers;
  scalers.fill(scaler);
  for (std::size_t at = 0; at < row.size(); at += 16) {
    for (int phase = 0; phase < fidelity_phases(fidelity); ++phase) {
      dest = mvmul(format, phase, row.subspan(at).first<16>(), scalers, dest);
    }
  }
  return dest;
}

std::uint32_t reduce_max(std::span<const std::uint32_t> row) {
  Lane most(flush_denormal(row[0]));
  for (const auto word : row) most = greater(most, Lane(flush_denormal(word)));
  return most.bits;
}

}  // namespace tessera::wormhole
