#pragma once
// Errors that a figure for the whole tensor dilutes: one user's row, one tile's columns.
#include <cstdint>
#include <span>
#include <string>

namespace tessera::verify {

/// How far a part is off: rms of the difference by the rms of the reference there, or of all if that is
/// larger.
struct Spot {
  double error = 0;
  std::string where;  // "row 3", "columns 64 to 95"
};

/// The worst row, or strip of 32 columns (a column of tiles), of those that are beyond their limit by
/// `threshold` (a PCC); `cols` values make a row. Error 0 when none is.
///
/// A strip may be off by what uncorrelated noise of that PCC would show everywhere, and half as much again
/// because small samples scatter: one transposed tile among 18 shows 0.33 where 0.999 allows 0.067, though
/// the PCC of a wide matrix hardly moves. A row may be off by half: a softmax with two equal scores magnifies
/// rounding (0.20 seen on real weights), but another user's row shows 1 and more.
Spot worst_spot(std::span<const float> reference, std::span<const float> device, std::int64_t cols,
                double threshold);

}  // namespace tessera::verify
