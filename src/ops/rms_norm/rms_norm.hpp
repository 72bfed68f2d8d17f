#pragma once
#include <cstdint>
#include <optional>

#include "ops/operation.hpp"

namespace tessera {

/// y = x / sqrt(mean(x^2) + epsilon) * weight + bias over the last dimension (Zhang and Sennrich 2019).
/// TT-NN: ttnn.rms_norm.
/// x [..., dim], float32 or bfloat16; weight and bias hold dim values ([dim], [1,1,1,dim] or the row-major
/// [1,1,dim/32,32]), float32 or bfloat16. Output: x's shape and dtype unless options.dtype says otherwise.
/// UserError: a weight of another size, a negative epsilon, a dtype other than those.
Tensor rms_norm(const Tensor& x, float epsilon = 1e-12f, const std::optional<Tensor>& weight = {},
                const std::optional<Tensor>& bias = {}, const OpOptions& options = {});

// Rows that are divided among chips (distributed RMSNorm): each chip has the statistics of its channels, an
// all_gather along the last dimension puts them side by side, and each finishes its own channels.

/// Sum of x^2 over this chip's channels. TT-NN: ttnn.rms_norm_pre_all_gather.
/// x [..., channels], float32 or bfloat16. Output [..., 1] (on a card a column of a tile), float32 unless
/// options.dtype says otherwise: bfloat16 statistics cost a row three digits.
Tensor rms_norm_pre_all_gather(const Tensor& x, const OpOptions& options = {});

/// rms_norm of this chip's channels from the statistics of all chips. TT-NN: ttnn.rms_norm_post_all_gather.
/// x as above; stats [..., chips] of x's rows; weight and bias: this chip's channels. `width`: channels of
/// all chips that are no padding; 0: chips times x's. UserError: as rms_norm, statistics of other rows, a
/// width beyond what the chips hold.
Tensor rms_norm_post_all_gather(const Tensor& x, const Tensor& stats, float epsilon = 1e-12f,
                                const std::optional<Tensor>& weight = {},
                                const std::optional<Tensor>& bias = {}, std::int64_t width = 0,
                                const OpOptions& options = {});

}  // namespace tessera
