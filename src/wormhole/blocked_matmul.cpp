#include "wormhole/blocked_matmul.hpp"

#include <algorithm>

#include "wormhole/eltwise.hpp"
#include "wormhole/fields.hpp"
#include "wormhole/l1_accumulate.hpp"
#include "wormhole/pack.hpp"
#include "wormhole/unpack.hpp"

namespace tessera::wormhole {

void BlockedMatmul::multiply(const ActivationOperand& in0, const WeightOperand& in1) {
  matmul_tile_fast(config_.fidelity, config_.dest(), rows_, in0, in1, dest_);
  ++tile_;
  if (tile_ % config_.block_tiles == 0 && tile_ < config_.k_tiles) end_block();
}

void BlockedMatmul::end_block() {
  const bool first = tile_ == config_.block_tiles;
  pack_partial(config_.packer_l1_acc && !first);
  // With accumulation in L1 only the last block takes the sum back into Dest, and only if no second pass adds
  // a bias.
  const bool next_is_last = tile_ + config_.block_tiles == config_.k_tiles;
  if (!config_.packer_l1_acc || (next_is_last && !config_.bias)) {
    reload();
  } else {
    dest_.fill(0);
  }
}

void BlockedMatmul::pack_partial(bool add) {
  const DataType dtype = config_.fp32_dest ? DataType::FLOAT32 : DataType::BFLOAT16;
  DestRows packed;
  for (std::size_t i = 0; i < words(); ++i) packed[i] = pack_word(config_.dest(), dest_[i], dtype);
  const auto source = std::span(packed).first(words());
  if (!add) {
    std::ranges::copy(source, partial_.begin());
  } else if (config_.fp32_dest) {
    for (std::size_t i = 0; i < words(); ++i) partial_[i] = l1_add_float32(partial_[i], source[i]);
  } else {
    l1_add_bfloat16_row(std::span(partial_).first(words()), source);
  }
}

// Through SrcA: 10 fraction bits and an addition of 0, or a copy without denormals.
void BlockedMatmul::reload() {
  for (std::size_t i = 0; i < words(); ++i) {
    dest_[i] = config_.fp32_dest               ? eltwise(EltwiseOp::Add, MathFidelity::LoFi, DestFormat::Fp32,
                                                         unpack_float32(partial_[i], SrcFormat::Tf32), 0)
               : exponent_of(partial_[i]) == 0 ? 0
                                               : partial_[i];
  }
}

const DestRows& BlockedMatmul::finish(std::span<const std::uint32_t> bias) {
  if (!config_.bias) return dest_;
  const bool single = config_.k_tiles == config_.block_tiles;
  pack_partial(config_.packer_l1_acc && !single);
  for (std::size_t i = 0; i < words(); ++i) {
    const std::uint32_t word = config_.fp32_dest ? unpack_float32(partial_[i], SrcFormat::Tf32) : partial_[i];
    dest_[i] = eltwise(EltwiseOp::Add, config_.fidelity, config_.dest(), word, bias[i % 32]);
  }
  return dest_;
}

}  // namespace tessera::wormhole
