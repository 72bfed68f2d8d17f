#include "wormhole/row_programs.hpp"

#include <array>
#include <mutex>
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
  Words result(row.size());
  kernel.binary(EltwiseOp::Multiply, row, row, result);
  kernel.pass(result);
  return result;
}

// What a program leaves in a 16-bit Dest for each word there.
const std::vector<bf16>& table_of(VectorOp op, bool approximate) {
  struct Table {
    std::once_flag made;
    std::vector<bf16> words;
  };
  constexpr auto kOps = static_cast<std::size_t>(VectorOp::Tanh) + 1;
  static std::array<Table, 2 * kOps> tables;
  Table& table = tables[2 * static_cast<std::size_t>(op) + (approximate ? 1 : 0)];
  std::call_once(table.made, [&] {
    table.words.resize(65536);
    for (std::uint32_t i = 0; i < 65536; ++i) {
      const std::uint32_t word = sfpu_load(DestFormat::Bf16, i << 16);
      table.words[i] =
          static_cast<bf16>(sfpu_store(DestFormat::Bf16, vector_op(op, {false, approximate}, word)) >> 16);
    }
  });
  return table.words;
}

std::uint32_t inverse_deviation(const RowKernel& kernel, std::uint32_t mean, float epsilon) {
  const auto sum = kernel.binary(EltwiseOp::Add, kernel.pass(mean), bfloat16_word(epsilon));
  return kernel.pass(kernel.vector(VectorOp::Rsqrt, sum));
}

// row * factor, then * gamma and + beta where given.
void scale_row(const RowKernel& kernel, RowWords row, std::uint32_t factor, RowWords gamma, RowWords beta,
               std::span<std::uint32_t> dest) {
  kernel.binary(EltwiseOp::Multiply, row, Words(row.size(), factor), dest);
  if (!gamma.empty()) {
    kernel.pass(dest);
    kernel.binary(EltwiseOp::Multiply, dest, gamma, dest);
  }
  if (!beta.empty()) {
    kernel.pass(dest);
    kernel.binary(EltwiseOp::Add, dest, beta, dest);
  }
}

}  // namespace

std::uint32_t RowKernel::pass(std::uint32_t word) const {
  if (!config_.fp32_buffers) return pack_word(dest(), word, DataType::BFLOAT16);
  return unpack_float32(pack_word(dest(), word, DataType::FLOAT32), SrcFormat::Tf32);
}

void RowKernel::pass(std::span<std::uint32_t> words) const {
  for (auto& word : words) word = pass(word);
}

std::uint32_t RowKernel::vector(VectorOp op, std::uint32_t word) const {
  if (!config_.fp32_dest)
    return static_cast<std::uint32_t>(table_of(op, config_.approximate)[word >> 16]) << 16;
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
  Words exps(row.size());
  kernel.binary(EltwiseOp::Subtract, row, Words(row.size(), most), exps);
  for (auto& word : exps) word = kernel.pass(kernel.vector(VectorOp::Exp, word));
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
  const auto used = std::span(centred).first(static_cast<std::size_t>(width));
  kernel.binary(EltwiseOp::Subtract, row.first(used.size()), Words(used.size(), mean), used);
  kernel.pass(used);
  const auto variance = kernel.sum(squares(kernel, centred), scaler);
  scale_row(kernel, centred, inverse_deviation(kernel, variance, epsilon), gamma, beta, dest);
}

}  // namespace tessera::wormhole
