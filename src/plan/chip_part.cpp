#include "plan/chip_part.hpp"

#include <algorithm>
#include <tuple>

#include "util/error.hpp"

namespace tessera::plan {
namespace {

std::int64_t divide_up(std::int64_t n, std::int64_t by) {
  return (n + by - 1) / by;
}

// The share that keeps the fewest keys and values, then the fewest queries.
void share_heads(const io::ModelConfig& whole, int chips, io::ModelConfig& part) {
  const int group = whole.num_attention_heads / whole.num_key_value_heads;
  std::tuple<int, int> best{0, 0};  // key-value slots, queries
  for (int per_slot = 1; per_slot <= group; ++per_slot) {
    const auto slots = static_cast<int>(
        divide_up(std::int64_t{whole.num_key_value_heads} * divide_up(group, per_slot), chips));
    const std::tuple share{slots, slots * per_slot};
    if (std::get<0>(best) == 0 || share < best) best = share;
  }
  std::tie(part.num_key_value_heads, part.num_attention_heads) = best;
}

std::int64_t even_share(std::int64_t size, int chips) {
  return chips == 1 ? size : divide_up(divide_up(size, kTileSize), chips) * kTileSize;
}

}  // namespace

ChipPart chip_part(const ModelFacts& facts, int chips) {
  check(chips >= 1, "tensor parallel over {} chips: at least one expected", chips);
  ChipPart part{chips, facts.config, even_share(facts.config.vocab_size, chips), facts.form.experts};
  if (chips == 1) return part;
  share_heads(facts.config, chips, part.config);
  int over = chips;  // chips that divide one MLP
  if (facts.form.experts > 0) {
    part.experts = static_cast<int>(divide_up(facts.form.experts, chips));
    over = std::max(1, chips / facts.form.experts);
  }
  part.config.intermediate_size = static_cast<int>(even_share(facts.config.intermediate_size, over));
  return part;
}

Tensor ChipSource::load(const nn::WeightRequest& request) {
  if (request.key != "lm_head") return source_.load(request);
  nn::WeightRequest mine = request;
  mine.parts = {{request.parts.front().name, part_.vocab}};
  return source_.load(mine);
}

}  // namespace tessera::plan
