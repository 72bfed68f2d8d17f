#pragma once
// Activations on the vector unit, for the ops that apply one.
#include "ops/linear/linear.hpp"
#include "wormhole/row_programs.hpp"

namespace tessera {

/// Dest word to Dest word. GeluTanh is composed of the unit's tanh.
std::uint32_t activated(const wormhole::RowKernel& kernel, Activation activation, std::uint32_t word);

}  // namespace tessera
