#pragma once
// A prefill of one padded length as a captured trace: tokens, pages and the last row are data on the device,
// so that it serves every prompt of up to that length.
#include <cstdint>
#include <span>

#include "device/trace.hpp"
#include "nn/causal_lm.hpp"

namespace tessera::generate {

class TracedPrefill {
 public:
  /// Captures a prefill from position 0 of `rows` tokens, a multiple of 32. The cache has pages of a multiple
  /// of 32. Model and cache must outlive it.
  TracedPrefill(const nn::CausalLm& model, nn::KvCache& cache, int rows);
  ~TracedPrefill();
  TracedPrefill(const TracedPrefill&) = delete;
  TracedPrefill& operator=(const TracedPrefill&) = delete;

  /// Logits float32 [1, 1, 1, vocab] of the last of 1 to `rows` tokens, for whose positions the user has
  /// pages. Behind them it leaves the keys and values of token 0 in the user's last page: decode steps write
  /// over them before they are read. The next run overwrites the logits.
  const Tensor& run(std::span<const std::int32_t> prompt, int user);

  TraceInfo info() const { return trace_info(device_, trace_); }

 private:
  Device& device_;
  nn::KvCache& cache_;
  std::int64_t rows_;
  Tensor ids_, last_, pages_;  // int32 [1, rows], [1], [1, blocks]
  Tensor logits_;
  TraceId trace_ = 0;
};

}  // namespace tessera::generate
