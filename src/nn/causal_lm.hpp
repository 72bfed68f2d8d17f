#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "io/model_config.hpp"
#include "nn/decoder_layer.hpp"

namespace tessera::nn {

/// A decoder-only language model.
class CausalLm {
 public:
  io::ModelConfig config;
  Embedding embed_tokens;
  std::vector<DecoderLayer> layers;
  RmsNorm norm;
  Linear lm_head;  // [hidden, vocab]
  Fidelity lm_head_fidelity;
  Rope rope;
  DataType kv_dtype = DataType::BFLOAT16;
  int max_seq = 0;  // positions that the rotary tables hold

  Device& device() const { return embed_tokens.weight.device(); }

  /// One token a user: ids int32 [batch], positions int32 [batch] (-1: idle). Logits float32 [1, 1, batch,
  /// vocab].
  Tensor decode(const Tensor& ids, const Tensor& positions, KvCache& cache) const;

  /// A prompt, or a chunk of it that begins at position `start`: the hidden states [1, 1, n, hidden] after
  /// the final norm. The cache must have room (KvCache::reserve).
  Tensor prefill(std::span<const std::int32_t> ids, KvCache& cache, int user, std::int64_t start = 0) const;

  /// hidden [1, 1, rows, hidden] to logits float32 [1, 1, rows, vocab].
  Tensor logits(const Tensor& hidden) const;

  /// One decoder layer inside its module scope "layers.<i>".
  Tensor forward_layer(int layer, const Tensor& x, const Step& step) const;

  /// The parts of decode() and prefill() before the layers.
  Step decode_step(const Tensor& positions, KvCache& cache) const;
  Step prefill_step(std::int64_t rows, KvCache& cache, int user, std::int64_t start) const;

  KvCacheConfig cache_config(int users, int positions) const;

 private:
  Tensor run_layers(Tensor hidden, const Step& step) const;
};

}  // namespace tessera::nn
