#pragma once
// The smallest modules: a weight and one op.
#include <optional>
#include <string>

#include "device/tensor.hpp"
#include "nn/parallel.hpp"
#include "ops/linear/linear.hpp"

namespace tessera::nn {

struct Linear {
  std::string name;            // "o_proj"
  Tensor weight;               // [in, out]
  std::optional<Tensor> bias;  // [out]
  Parallel parallel = {};

  /// x [..., in] to [..., out].
  Tensor forward(const Tensor& x, const OpOptions& options = {}) const;
};

struct Embedding {
  std::string name;                          // "embed_tokens"
  Tensor weight;                             // [vocab, dim]
  DataType activation = DataType::BFLOAT16;  // of the hidden states that begin here

  /// ids int32 [..., n] to [1, 1, n, dim].
  Tensor forward(const Tensor& ids) const;
};

}  // namespace tessera::nn
