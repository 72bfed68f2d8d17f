#pragma once
// Configurations between TT-Transformers' two presets: bfloat4_b in the layers where it costs least.
#include <cstddef>
#include <functional>
#include <vector>

#include "verify/advise/advise.hpp"

namespace tessera::verify {

/// All weights of the layers in bfloat8_b, and the cache: what mixtures start from.
Configuration mixture_base();

/// The cells in the order in which a mixture takes them: first what saves most time and memory for the KL
/// that it adds alone. The saving of a cell is its group's, bfloat4_b against bfloat8_b, shared by the
/// layers.
std::vector<Cell> cheapest_first(const std::vector<Sensitivity>& groups,
                                 const std::vector<LayerSensitivity>& layers, int layer_count);

/// `base` with the first `count` cells in bfloat4_b at LOFI.
Configuration mixture(const std::vector<Cell>& cells, std::size_t count);

inline constexpr int kEvenMixtures = 7;     // eighths of the cells
inline constexpr int kMixtureHalvings = 4;  // of what lies between the last that meets a target and the next

/// Tries 1/8 to 7/8 of `cells`, then halves the gap above the largest count that met the target. `meets`
/// measures a mixture of 1 to cells - 1 cells; it is asked once for each count, at most kEvenMixtures +
/// kMixtureHalvings times.
void search_mixtures(std::size_t cells, const std::function<bool(std::size_t count)>& meets);

}  // namespace tessera::verify
