#pragma once
// Two tensors (.npy), two golden files, or a golden file and a .refpt, compared with every figure that there
// is.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "metrics/compare.hpp"

namespace tessera::verify {

/// One pair of tensors.
struct TensorComparison {
  std::string name;  // "hidden.3"; empty when the files are one tensor each
  std::vector<std::int64_t> shape;
  metrics::Comparison figures;
  std::int64_t ulp_max = 0;
};

/// One pair of token lists.
struct TokenComparison {
  std::string name;  // "greedy.2"
  std::int64_t tokens = 0, same = 0;
  std::int64_t in_top5 = -1;  // first file's token among the second's best five; -1: not compared
  std::int64_t first_difference = -1;
  std::int64_t unexplained = 0;  // differences at a logit margin above kExplainedMargin in both files
};

/// Rounding alone may swap two tokens whose logits are this close.
constexpr float kExplainedMargin = 1e-3f;

struct FileComparison {
  std::vector<TensorComparison> tensors;
  std::vector<TokenComparison> tokens;

  bool equal() const;
  /// The tensor with the lowest PCC; nullptr without tensors.
  const TensorComparison* worst() const;
  /// Everything equal, or metrics::passes for every tensor and no token that differs unexplained. Without
  /// tensors (.refpt): the share of tokens among the best five at or above the threshold.
  bool passes(double threshold) const;
};

/// What the files are is told from their contents. Throws UserError when they cannot be compared: of two
/// kinds, of two shapes, of two texts.
FileComparison compare_files(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace tessera::verify
