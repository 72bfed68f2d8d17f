#pragma once
// Tensors whose rows (tokens, users) differ in size by orders of magnitude.
#include <cstddef>
#include <span>
#include <string>

#include "metrics/compare.hpp"

namespace tessera::metrics {

/// compare() with every row counted alike. Hidden states need it: in the middle layers of SmolLM2 the first
/// of 16 tokens holds 99.9 % of the energy, so that noise as large as every other token leaves a PCC of
/// 0.9996.
struct RowComparison {
  Comparison even;              // each row of both sides divided by the rms of the reference's row
  Comparison plain;             // the values as they are
  std::size_t worst_row = 0;    // with the largest rel_l2 of its own
  double worst_row_rel_l2 = 0;  // infinity when the row is not finite, or zeros in the reference alone

  /// "row 5 is off by 0.312 of its own size", or what Comparison::remark says of all rows; empty when there
  /// is nothing.
  std::string remark(double threshold) const;
};

/// `cols` values make a row. UserError when the sizes differ or are not whole rows.
RowComparison compare_rows(std::span<const float> reference, std::span<const float> device, std::size_t cols);

/// What one row may be off by, as a share of its own rms: three times what uncorrelated noise of that PCC
/// shows in every row, since rows scatter. For 0.998 that is 0.19; the worst of 400 tokens and 30 layers of
/// SmolLM2 with bfloat8_b weights is 0.07, a token in another's place is off by 0.9 and more (and leaves the
/// PCC of 400 rows at 0.9986).
double row_limit(double threshold);

/// passes() over the rows counted alike, and no row beyond row_limit().
bool passes(const RowComparison& comparison, double threshold);

}  // namespace tessera::metrics
