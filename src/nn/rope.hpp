#pragma once
// Rotary position tables.
#include <cstdint>

#include "device/tensor.hpp"
#include "io/model_config.hpp"

namespace tessera::nn {

/// cos and sin of the rows of one step; shapes as rotary_embedding_llama wants them.
struct RopeRows {
  Tensor cos, sin;
};

class Rope {
 public:
  Rope() = default;
  /// Tables of `max_seq` positions in float32, computed as Hugging Face does (angles in float32), of the main
  /// rope_theta and rope_scaling. Throws UserError as check_rope does.
  Rope(Device& device, const io::ModelConfig& config, int max_seq)
      : Rope(device, config, {config.rope_theta, config.rope_scaling}, max_seq) {}
  /// The same with others.
  Rope(Device& device, const io::ModelConfig& config, const io::RopeParameters& parameters, int max_seq);

  /// Decode: [1, batch, 1, rotary dim] for positions int32 [batch]; idle users (-1) get zeros.
  RopeRows gather(const Tensor& positions) const;
  /// Prefill: [1, 1, count, rotary dim] for positions first..first+count-1.
  RopeRows range(std::int64_t first, std::int64_t count) const;

  /// x [1, batch, heads, head_dim] (decode) or [1, heads, seq, head_dim]. Tables narrower than a head rotate
  /// its first channels.
  Tensor apply(const Tensor& x, const RopeRows& rows, bool decode) const;

 private:
  Tensor rotate(const Tensor& x, const RopeRows& rows, bool decode) const;

  io::RopeForm form_ = io::RopeForm::Halves;
  Tensor cos_, sin_;  // [max_seq, rotary dim]
};

}  // namespace tessera::nn
