#pragma once
// The figures of the page of `tessera advise`.
#include "report/html.hpp"
#include "verify/advise/advise.hpp"

namespace tessera::verify {

/// KL (log) against decode speed; the front is joined, the chosen point ringed.
void front_figure(report::Html& html, const Advice& advice);
/// Added KL of each layer's groups in bfloat4_b, a cell each.
void layers_figure(report::Html& html, const Advice& advice);

}  // namespace tessera::verify
