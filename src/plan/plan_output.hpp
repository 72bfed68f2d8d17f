#pragma once
// A plan for programs and for people.
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "plan/plan.hpp"

namespace tessera::plan {

/// Keys: see docs/plan.md. Bytes are of one chip.
nlohmann::ordered_json plan_json(const Plan& plan);

std::string plan_text(const Plan& plan);

/// One self-contained page: memory bars, roofline, context against batch.
std::string plan_html(const Plan& plan);

}  // namespace tessera::plan
