#pragma once
#include <cstdint>
#include <memory>
#include <optional>
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
  std::optional<PositionTable> embed_positions;
  std::vector<DecoderLayer> layers;
  Norm norm;
  Linear lm_head;  // [hidden, vocab]
  Fidelity lm_head_fidelity = {};
  std::optional<Rope> rope;          // where positions are rotated
  std::optional<Rope> sliding_rope;  // of layers with a sliding window, where they have their own
  DataType kv_dtype = DataType::BFLOAT16;
  int max_seq = 0;  // positions that the rotary tables hold

  Device& device() const { return embed_tokens.weight.device(); }

  /// One token a user: ids int32 [batch], positions int32 [batch] (-1: idle). Logits float32 [1, 1, batch,
  /// vocab].
  Tensor decode(const Tensor& ids, const Tensor& positions, KvCache& cache) const;

  /// A prompt, or a chunk of it that begins at position `start`: the hidden states [1, 1, n, hidden] after
  /// the final norm. The cache must have room (KvCache::reserve).
  Tensor prefill(std::span<const std::int32_t> ids, KvCache& cache, int user, std::int64_t start = 0) const;

  /// The same for ids int32 [1, n] at positions 0 to n-1 and their pages int32 [1, blocks], both on the
  /// device: nothing is written from the host.
  Tensor prefill(const Tensor& ids, const Tensor& pages, KvCache& cache) const;

  /// ids int32 [..., n] to the hidden states [1, 1, n, hidden] that the first layer gets. Positions that are
  /// learned are added where there is a step.
  Tensor embed(const Tensor& ids, const Step* step = nullptr) const;

  /// hidden [1, 1, rows, hidden], after the final norm, to logits float32 [1, 1, rows, vocab].
  Tensor logits(const Tensor& hidden) const;

  /// One decoder layer inside its module scope "layers.<i>".
  Tensor forward_layer(int layer, const Tensor& x, const Step& step) const;

  /// The parts of decode() and prefill() before the layers.
  Step decode_step(const Tensor& positions, KvCache& cache) const;
  Step prefill_step(std::int64_t rows, KvCache& cache, int user, std::int64_t start) const;

  KvCacheConfig cache_config(int users, int positions) const;

 private:
  Step rows_step(std::int64_t rows, KvCache& cache, std::int64_t start) const;
  Tensor run_layers(Tensor hidden, const Step& step) const;
};

}  // namespace tessera::nn
