#include "plan/chip_part.hpp"

#include <algorithm>

#include "nn/tensor_parallel.hpp"
#include "util/error.hpp"

namespace tessera::plan {
namespace {

std::int64_t divide_up(std::int64_t n, std::int64_t by) {
  return (n + by - 1) / by;
}

std::int64_t even_share(std::int64_t size, int chips) {
  return chips == 1 ? size : divide_up(divide_up(size, kTileSize), chips) * kTileSize;
}

}  // namespace

ChipPart chip_part(const ModelFacts& facts, int chips) {
  check(chips >= 1, "tensor parallel over {} chips: at least one expected", chips);
  ChipPart part{chips, facts.config, even_share(facts.config.vocab_size, chips), facts.form.experts};
  if (chips == 1) return part;
  const nn::HeadShare share =
      nn::share_heads(facts.config.num_attention_heads, facts.config.num_key_value_heads, chips);
  part.config.num_attention_heads = share.heads;
  part.config.num_key_value_heads = share.kv_heads;
  int over = chips;  // chips that divide one MLP
  if (facts.form.experts > 0) {
    part.experts = static_cast<int>(divide_up(facts.form.experts, chips));
    over = std::max(1, chips / facts.form.experts);
  }
  part.config.intermediate_size = static_cast<int>(even_share(facts.config.intermediate_size, over));
  return part;
}

}  // namespace tessera::plan
