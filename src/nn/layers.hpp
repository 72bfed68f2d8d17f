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

/// Learned positions, added to the embedding.
struct PositionTable {
  Tensor weight;  // [positions, dim]

  /// Decode: positions int32 [batch] to [1, 1, batch, dim]; idle users (-1) get zeros.
  Tensor gather(const Tensor& positions) const;
  /// Prefill: [1, 1, count, dim] for positions first..first+count-1.
  Tensor range(std::int64_t first, std::int64_t count) const;
};

}  // namespace tessera::nn
