#pragma once
// The parts of golden files, one by one.
#include <span>
#include <string>

#include "io/golden.hpp"
#include "io/refpt.hpp"
#include "tensor/dtype.hpp"
#include "verify/compare_files.hpp"

namespace tessera::verify {

TensorComparison compare_tensors(std::string name, std::span<const std::int64_t> shape,
                                 std::span<const float> a, std::span<const float> b, DataType dtype);

/// Hidden states, best logits (row by row, best first) and logsumexp as tensors; best tokens and greedy texts
/// as tokens. Parts that one file lacks are left out; lists of different lengths are compared as far as both
/// go. Throws UserError when the inputs (forced text, prompts) differ or there is no common part.
FileComparison compare_goldens(const io::Golden& a, const io::Golden& b);

/// The golden's best token after each forced token against the reference's best five. Throws UserError when
/// the texts differ.
FileComparison compare_golden_refpt(const io::Golden& golden, const io::ReferenceTokens& reference);

}  // namespace tessera::verify
