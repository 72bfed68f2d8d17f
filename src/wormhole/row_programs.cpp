#include "wormhole/row_programs.hpp"

#include <vector>

#include "tensor/bfloat16.hpp"
#include "wormhole/lane.hpp"
#include "wormhole/pack.hpp"
#include "wormhole/reduce.hpp"
#include "wormhole/unpack.hpp"

namespace tessera::wormhole {
namespace {

using Words = std::vector<std::uint32_t>;

std::uint32_t bfloat16_word(float value) {
  return static_cast<std::uint32_t>(float_to_bf16(value)) << 16;
}

Words squares(const RowKernel& kernel, RowWords row) {
  Words result;
  for (const auto word : row) result.push_back(kernel.pass(kernel.binary(EltwiseOp::Multiply, word, word)));
  return result;
}

std::uint32_t inverse_deviation(const RowKernel& kernel, std::uint32_t mean, float epsilon) {
  const auto sum = kernel.binary(EltwiseOp::Add, kernel.pass(mean), bfloat16_word(epsilon));
  return kernel.pass(kernel.vector(VectorOp::Rsqrt, sum));
}

// row * factor, then * gamma and + beta where given.
void scale_row(const RowKernel& kernel, RowWords row, std::uint32_t factor, RowWords gamma, RowWords beta,
               std::span<std::uint32_t> dest) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    std::uint32_t word = kernel.binary(EltwiseOp::Multiply, row[i], factor);
    if (!gamma.empty()) word = kernel.binary(EltwiseOp::Multiply, kernel.pass(word), gamma[i]);
    if (!beta.empty()) word = kernel.binary(EltwiseOp::Add, kernel.pass(word), beta[i]);
    dest[i] = word;
  }
}

}  // namespace

std::uint32_t RowKernel::pass(std::uint32_t word) const {
  if (!config_.fp32_buffers) return pack_word(dest(), word, DataType::BFLOAT16);
  return unpack_float32(pack_word(dest(), word, DataType::FLOAT32), SrcFormat::Tf32);
}

std::uint32_t RowKernel::vector(VectorOp op, std::uint32_t word) const {
  const VectorMode mode{config_.fp32_dest, config_.approximate};
  return sfpu_store(dest(), vector_op(op, mode, sfpu_load(dest(), word)));
}

std::uint32_t RowKernel::scaled_exp(std::uint32_t word, float scale) const {
  const VectorMode mode{config_.fp32_dest, config_.approximate};
  const Lane scaled = Lane(sfpu_load(dest(), word)) * Lane(scale);
  return sfpu_store(dest(), vector_op(VectorOp::Exp, mode, scaled.bits));
}

std::uint32_t RowKernel::sum(RowWords row, float scaler) const {
  return reduce_sum(config_.fidelity, dest(), row, bfloat16_word(scaler));
}

void softmax_row(const KernelConfig& config, RowWords row, std::span<std::uint32_t> dest) {
  const RowKernel kernel(config);
  const std::uint32_t most = kernel.pass(reduce_max(row));
  Words exps;
  for (const auto word : row) {
    exps.push_back(kernel.pass(kernel.vector(VectorOp::Exp, kernel.binary(EltwiseOp::Subtract, word, most))));
  }
  const std::uint32_t factor = kernel.pass(kernel.vector(VectorOp::Reciprocal, kernel.sum(exps, 1.0f)));
  scale_row(kernel, exps, factor, {}, {}, dest);
}

void rms_norm_row(const KernelConfig& config, RowWords row, RowWords gamma, RowWords beta, float epsilon,
                  std::int64_t width, std::span<std::uint32_t> dest) {
  const RowKernel kernel(config);
  const auto mean = kernel.sum(squares(kernel, row), 1.0f / static_cast<float>(width));
  scale_row(kernel, row, inverse_deviation(kernel, mean, epsilon), gamma, beta, dest);
}

void layer_norm_row(const KernelConfig& config, RowWords row, RowWords gamma, RowWords beta, float epsilon,
                    std::int64_t width, std::span<std::uint32_t> dest) {
  const RowKernel kernel(config);
  const float scaler = 1.0f / static_cast<float>(width);
  const std::uint32_t mean = kernel.pass(kernel.sum(row, scaler));
  Words centred(row.size());  // padding stays 0: it does not count into the variance
  for (std::size_t i = 0; i < static_cast<std::size_t>(width); ++i) {
    centred[i] = kernel.pass(kernel.binary(EltwiseOp::Subtract, row[i], mean));
  }
  const auto variance = kernel.sum(squares(kernel, centred), scaler);
  scale_row(kernel, centred, inverse_deviation(kernel, variance, epsilon), gamma, beta, dest);
}

}  // namespace tessera::wormhole
