#pragma once
// Errors that a figure for the whole tensor dilutes: one user's row, one tile's columns.
#include <cstdint>
#include <span>
#include <string>

namespace tessera::verify {

/// Names the worst row and the worst strip of 32 columns (a column of tiles) where they are beyond what goes
/// with a PCC threshold: "row 3 off by 1.020 of the scale; columns 64 to 95 off by 0.330 of the scale". Empty
/// when neither is. `cols` values make a row. The scale is the rms of the reference there, or of all of it if
/// larger.
///
/// A strip may be off by what uncorrelated noise of that PCC would show everywhere, and half as much again
/// because small samples scatter: one transposed tile among 18 shows 0.33 where 0.999 allows 0.067, though
/// the PCC of a wide matrix hardly moves. A row may be off by half: a softmax with two equal scores magnifies
/// rounding (0.20 seen on real weights), but another user's row shows 1 and more.
std::string bad_spots(std::span<const float> reference, std::span<const float> device, std::int64_t cols,
                      double threshold);

}  // namespace tessera::verify
