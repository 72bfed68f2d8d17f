#include "models/tensor_plan.hpp"

#include <fmt/format.h>

#include "nn/tensor_parallel.hpp"

namespace tessera::models {

std::string why_not_divided(const io::ModelConfig& config, const nn::TensorPlan& plan, int chips) {
  const int heads = config.num_attention_heads;
  if (config.qk_norm == io::QkNorm::Projection &&
      nn::share_heads(heads, config.num_key_value_heads, nn::parts_of(plan, chips)).heads != heads)
    return fmt::format(
        "the {} family normalises all heads of q and k together: use 2d with one row, or one chip",
        config.model_type);
  if (config.norm == io::NormKind::Layer && nn::hidden_parts_of(plan, chips) > 1)
    return fmt::format("the {} family has LayerNorm, whose rows are not divided: use replicated",
                       config.model_type);
  return {};
}

nn::TensorPlan usual_tensor_plan(const io::ModelConfig& config, int chips) {
  const nn::TensorPlan usual = nn::usual_tensor_plan(chips);
  for (const nn::TensorPlan& plan : {usual, nn::TensorPlan{}, nn::TensorPlan{nn::TensorForm::Grid, chips}}) {
    if (why_not_divided(config, plan, chips).empty()) return plan;
  }
  return usual;
}

}  // namespace tessera::models
