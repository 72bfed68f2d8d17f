#pragma once
// Where modules get their weights. A key names the weight in the model ("layers.0.self_attn.qkv_proj"); the
// parts are checkpoint tensors in Hugging Face's [out_features, in_features], joined along out_features.
#include <cstdint>
#include <string>
#include <vector>

#include "device/tensor.hpp"

namespace tessera::nn {

struct WeightPart {
  std::string name;  // "model.layers.0.self_attn.q_proj.weight"
  std::int64_t rows = 0;
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

  std::int64_t rows() const {
    std::int64_t n = 0;
    for (const auto& part : parts) n += part.rows;
    return n;
  }
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
};

}  // namespace tessera::nn
