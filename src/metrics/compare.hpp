#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "tensor/dtype.hpp"

namespace tessera::metrics {

struct Comparison {
  double pcc = 0;      // Pearson's r; see compare()
  double max_abs = 0;  // largest |device - reference|
  double rel_l2 = 0;   // |device - reference| / |reference|
  double scale = 1;    // least-squares slope of device on reference
  double offset = 0;   // and its intercept
  double reference_rms = 0;
  std::size_t worst_index = 0;  // where max_abs is
  bool equal = false;           // value by value (NaN equals NaN)
  bool finite = true;           // no NaN or infinity where the other has none

  /// What PCC alone would hide: a scale or offset error, values that are not finite. Empty when there is
  /// nothing.
  std::string remark() const;
};

/// Compares two tensors of one size, in double. Pearson's r as TT-NN's comp_pcc means it, without its blind
/// spots: a constant against a varying tensor is 0, two different constants are 0, NaN or infinity on one
/// side only is 0; equal tensors are 1 (NaN in the same place on both sides counts as equal and is left out
/// of the sums). The result does not depend on the number of threads. UserError when the sizes differ.
Comparison compare(std::span<const float> reference, std::span<const float> device);

/// PCC at or above the threshold, everything finite, and neither a scale error above 5 % nor a shift above a
/// tenth of the reference's rms (PCC sees neither).
bool passes(const Comparison& comparison, double threshold);

/// The same for the logits of one position, where a shift is allowed: it changes no probability, and rounded
/// weights shift single positions (SmolLM2 with bfloat8_b: up to 0.3 of the rms at a PCC of 0.996). The slope
/// may be off by what noise of that PCC makes of it, where that is more than 5 %: see docs/numbers.md.
bool passes_logits(const Comparison& comparison, double threshold);

/// The largest distance in units in the last place of BFLOAT16 or FLOAT32 (others count as BFLOAT16).
std::int64_t ulp_max(std::span<const float> reference, std::span<const float> device, DataType dtype);

}  // namespace tessera::metrics
