#pragma once
// A model laid over a device in one way: its memory and its speed.
#include <string>
#include <vector>

#include "plan/plan.hpp"

namespace tessera::plan {

/// Degrees of tensor parallelism that the device's chips divide into, ascending: 1, 2, 4, 8 and all.
std::vector<int> possible_degrees(const SpecSheet& sheet);

/// "one chip", "8 chips, tensor parallel", "2 copies of 4 chips, tensor and data parallel".
std::string describe(const Layout& layout);

/// Memory and speed of one degree; the work of its ops goes to `decode` and `prefill` when they are given.
Layout lay_out(const Plan& plan, int tensor_parallel, std::vector<OpWork>* decode = nullptr,
               std::vector<OpWork>* prefill = nullptr);

}  // namespace tessera::plan
