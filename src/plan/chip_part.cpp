#include "plan/chip_part.hpp"

#include <algorithm>

#include "models/tensor_plan.hpp"
#include "nn/tensor_parallel.hpp"
#include "util/error.hpp"

namespace tessera::plan {
namespace {

std::int64_t divide_up(std::int64_t n, std::int64_t by) {
  return (n + by - 1) / by;
}

std::int64_t share(std::int64_t size, int chips) {
  return chips == 1 ? size : nn::even_share(size, chips);
}

}  // namespace

ChipPart chip_part(const ModelFacts& facts, int chips) {
  check(chips >= 1, "tensor parallel over {} chips: at least one expected", chips);
  ChipPart part{.chips = chips, .config = facts.config, .experts = facts.form.experts};
  if (!facts.form.layer_norm) part.plan = models::usual_tensor_plan(facts.config, chips);
  const bool grid = part.plan.form == nn::TensorForm::Grid;
  const int parts = nn::parts_of(part.plan, chips);
  part.vocab = share(facts.config.vocab_size, parts);
  part.hidden = grid ? share(facts.config.hidden_size, part.plan.columns) : facts.config.hidden_size;
  if (chips == 1) return part;
  const nn::HeadShare heads =
      nn::share_heads(facts.config.num_attention_heads, facts.config.num_key_value_heads, parts);
  part.config.num_attention_heads = heads.heads;
  part.config.num_key_value_heads = heads.kv_heads;
  int over = parts;  // that divide one MLP
  if (facts.form.experts > 0) {
    part.experts = static_cast<int>(divide_up(facts.form.experts, parts));
    over = std::max(1, parts / facts.form.experts);
  }
  part.config.intermediate_size = static_cast<int>(share(facts.config.intermediate_size, over));
  return part;
}

}  // namespace tessera::plan
