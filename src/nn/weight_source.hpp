#pragma once
// Where modules get their weights. A key names the weight in the model ("layers.0.self_attn.qkv_proj"); the
// parts are checkpoint tensors in Hugging Face's [out_features, in_features], joined along out_features.
#include <cstdint>
#include <string>
#include <vector>

#include "device/tensor.hpp"
#include "nn/parallel.hpp"

namespace tessera::nn {

/// How a dimension of a weight is divided among the chips of a tensor-parallel group.
enum class Split : std::uint8_t {
  Whole,    // every chip has all of it
  QHeads,   // query heads, in the chips' shares of heads (nn/tensor_parallel.hpp)
  KvHeads,  // key or value heads, likewise
  Even,     // equal parts in whole tiles, the last ones padded with zeros: an MLP's channels, a vocabulary
  Hidden,   // the channels of the residual stream, as its form says
};

/// Consecutive rows (or columns) of a checkpoint tensor; zeros when `first` is negative.
struct Range {
  std::int64_t first = 0, count = 0;
  bool is_zeros() const { return first < 0; }
};

/// How many rows `ranges` take of `size`: all when there are none.
std::int64_t taken(const std::vector<Range>& ranges, std::int64_t size);

struct WeightPart {
  std::string name;  // "model.layers.0.self_attn.q_proj.weight"
  std::int64_t rows = 0;
  Split split = Split::Whole;
  std::vector<Range> ranges = {};  // of the rows, in the result's order; empty: all of them
  /// Part of a fused tensor: its rows begin at `first` of the tensor's `tensor_rows` (0: it has no others).
  std::int64_t first = 0, tensor_rows = 0;
  /// Fused by groups: the part's rows come in blocks of `block`, which begin `stride` rows apart. 0: in one.
  std::int64_t block = 0, stride = 0;

  /// The tensor's row of the part's row `i`.
  std::int64_t tensor_row(std::int64_t i) const {
    return first + (block == 0 ? i : i / block * stride + i % block);
  }
};

struct WeightRequest {
  enum class Kind : std::uint8_t {
    Matrix,  // [in, sum of rows] on the device: a linear's weight, transposed from the checkpoint
    Rows,    // [rows, cols] as it is: an embedding table
    Vector,  // [sum of rows]: a norm's weight, a bias
  };
  Kind kind = Kind::Matrix;
  std::string key;
  std::vector<WeightPart> parts;
  std::int64_t cols = 1;  // in_features; 1 for vectors
  DataType dtype = DataType::BFLOAT16;
  Split cols_split = Split::Whole;
  /// A bias: where results are summed over chips, one of them has it and the others zeros.
  bool once = false;
  std::vector<Range> col_ranges = {};  // of the columns; empty: all of them
  bool turned = false;                 // Matrix: the checkpoint has [in_features, out_features] (GPT-2)
  float offset = 0.0f;                 // added to every value: a norm's weight that is stored as w - 1

  /// Of the result: all, or as many as the ranges say.
  std::int64_t result_rows() const;
  std::int64_t result_cols() const { return taken(col_ranges, cols); }
  /// The tensor it becomes.
  TensorSpec spec() const;
  MemoryConfig memory_config() const;
};

class WeightSource {
 public:
  virtual ~WeightSource() = default;
  virtual Device& device() const = 0;
  /// A constant tensor as the request describes it. Throws UserError when a part is missing or has another
  /// shape.
  virtual Tensor load(const WeightRequest& request) = 0;
  /// The chips that share the model; alone, every weight is whole.
  virtual const TensorParallel& parallel() const;
};

}  // namespace tessera::nn
