#pragma once
#include <cstdint>
#include <span>

#include "ops/operation.hpp"

namespace tessera {

/// What one user asks of the sampler. temperature 0 is greedy. top_k 0 = all candidates given; top_p in (0,
/// 1].
struct SamplingParams {
  float temperature = 0.0f;
  int top_k = 0;
  float top_p = 1.0f;
  std::uint64_t seed = 0;
};

/// One token a row from its sorted candidates: values [1, 1, users, k] (logits, largest first), indices [1,
/// 1, users, k] (token ids), as topk gives them. params: one a user. step: how many tokens each user has
/// drawn, so that a seed gives the same text alone and in a batch. TT-NN: ttnn.sampling (whose temp is
/// 1/temperature). Output uint32 [1, 1, 1, users].
Tensor sampling(const Tensor& values, const Tensor& indices, std::span<const SamplingParams> params,
                std::span<const std::int64_t> steps);

}  // namespace tessera
