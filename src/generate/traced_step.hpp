#pragma once
// A decode step as a captured trace. Token ids and positions live on the device: each replay feeds itself, by
// argmax and plus_one, and the host writes only what it wants otherwise (another user's token, a sampled
// one).
#include <cstdint>
#include <span>
#include <vector>

#include "device/trace.hpp"
#include "nn/causal_lm.hpp"

namespace tessera::generate {

struct StepOutputs {
  Tensor logits, next;  // float32 [1, 1, rows, vocab]; uint32 [1, 1, rows]
};

/// What a trace of a decode step holds: ids int32 [1, rows] and positions int32 [rows] are moved on to the
/// next step in place.
StepOutputs feed_step(const nn::CausalLm& model, const Tensor& ids, const Tensor& positions,
                      nn::KvCache& cache);

class TracedStep {
 public:
  /// Captures a step of `rows` users (1..32). The model and the cache must outlive it.
  TracedStep(const nn::CausalLm& model, nn::KvCache& cache, int rows);
  ~TracedStep();
  TracedStep(const TracedStep&) = delete;
  TracedStep& operator=(const TracedStep&) = delete;

  /// One replay, with tokens at positions (-1: idle). Returns when it is enqueued; the host writes only if
  /// the device does not hold these values already.
  void run(std::span<const std::int32_t> tokens, std::span<const std::int32_t> positions);

  /// The same with the tokens that the device holds: the greedy ones of the last replay.
  void run_on(std::span<const std::int32_t> positions) { replay(positions); }

  /// The same with the tokens from a tensor int32 [1, rows] on the device, copied in the order of this
  /// thread's queue.
  void run_from(const Tensor& tokens, std::span<const std::int32_t> positions);
  /// Reached when the last run_from() has taken its tokens: the tensor may be overwritten.
  const Event& consumed() const { return consumed_; }

  /// Float32 [1, 1, rows, vocab] of the last replay.
  const Tensor& logits() const { return logits_; }
  /// Uint32 [1, 1, rows]: the greedy token of each row of logits().
  const Tensor& next() const { return next_; }
  /// What the host has seen of next(): the device holds these tokens for the next replay.
  void know_next(std::vector<std::int32_t> tokens) { held_tokens_ = std::move(tokens); }

  TraceInfo info() const { return trace_info(device_, trace_); }

 private:
  void replay(std::span<const std::int32_t> positions);

  Device& device_;
  Tensor ids_, positions_;  // int32 [1, rows], [rows]
  Tensor logits_, next_;
  TraceId trace_ = 0;
  Event consumed_;
  std::vector<std::int32_t> held_tokens_,
      held_positions_;  // on the device, as far as the host knows; empty: not
};

}  // namespace tessera::generate
