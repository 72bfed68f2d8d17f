#pragma once
// softmax, RMS norm and layer norm of one row, as TT-NN's kernels chain the engine's instructions: every
// intermediate is packed to a circular buffer and unpacked again. Modelled after the kernels' source:
// docs/wormhole.md.
#include <cstdint>
#include <span>

#include "wormhole/eltwise.hpp"
#include "wormhole/fidelity.hpp"
#include "wormhole/tile.hpp"
#include "wormhole/vector_ops.hpp"

namespace tessera::wormhole {

struct KernelConfig {
  MathFidelity fidelity = MathFidelity::HiFi4;
  bool approximate = true;
  bool fp32_dest = false;
  // Intermediates are float32 instead of bfloat16. TT-NN's kernels: with an fp32 Dest, except attention's.
  bool fp32_buffers = fp32_dest;

  bool operator==(const KernelConfig&) const = default;
};

using RowWords = std::span<const std::uint32_t>;

/// The instructions of a kernel on single words.
class RowKernel {
 public:
  explicit RowKernel(const KernelConfig& config) : config_(config) {}

  const KernelConfig& config() const { return config_; }
  DestFormat dest() const { return config_.fp32_dest ? DestFormat::Fp32 : DestFormat::Bf16; }

  /// A Dest word packed to an intermediate buffer and unpacked as a source word.
  std::uint32_t pass(std::uint32_t word) const;
  std::uint32_t binary(EltwiseOp op, std::uint32_t a, std::uint32_t b) const {
    return eltwise(op, config_.fidelity, dest(), a, b);
  }
  /// Of a whole row, in vectors; `dest` may be an operand.
  void binary(EltwiseOp op, RowWords a, RowWords b, std::span<std::uint32_t> dest) const {
    eltwise_row(op, config_.fidelity, this->dest(), a, b, dest);
  }
  void pass(std::span<std::uint32_t> words) const;
  /// In a 16-bit Dest from a table: it has 65536 words.
  std::uint32_t vector(VectorOp op, std::uint32_t word) const;
  /// exp(word * scale), as the SFPU scales before its program.
  std::uint32_t scaled_exp(std::uint32_t word, float scale) const;

  /// scaler (rounded to bfloat16) * the sum of source words; `row` is a multiple of 16 long.
  std::uint32_t sum(RowWords row, float scaler) const;

 private:
  KernelConfig config_;
};

/// All three: source words in (a multiple of 32; `width` of them are values, the rest padding), Dest words
/// before the final packing out. softmax: padding holds -infinity. Norms: padding holds 0; gamma and beta are
/// source words of the same length, or empty.
void softmax_row(const KernelConfig& config, RowWords row, std::span<std::uint32_t> dest);
void rms_norm_row(const KernelConfig& config, RowWords row, RowWords gamma, RowWords beta, float epsilon,
                  std::int64_t width, std::span<std::uint32_t> dest);
void layer_norm_row(const KernelConfig& config, RowWords row, RowWords gamma, RowWords beta, float epsilon,
                    std::int64_t width, std::span<std::uint32_t> dest);

}  // namespace tessera::wormhole
