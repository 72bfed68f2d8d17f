#pragma once
// The guide's recommendations (start on one device, take the smaller variant first, scale up afterwards), as
// they read for one model.
#include <string>
#include <vector>

#include "plan/plan.hpp"

namespace tessera::plan {

/// Sentences for people, the most important first; `plan` is complete but for them.
std::vector<std::string> advise(const Plan& plan);

}  // namespace tessera::plan
