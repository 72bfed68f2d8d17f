#pragma once
// The figures of a plan's page.
#include "plan/plan.hpp"
#include "report/html.hpp"

namespace tessera::plan {

/// A bar for each chip of one copy, and its parts in figures.
void memory_section(report::Html& html, const Plan& plan);
/// Context against batch: what fits, and how fast a user is served there.
void map_section(report::Html& html, const Plan& plan);
/// Operations against bytes for each kind of op, under the roofs of the chip.
void roofline_section(report::Html& html, const Plan& plan);

}  // namespace tessera::plan
