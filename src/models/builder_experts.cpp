// The mixture of experts: a router, gated MLPs whose channels are divided among the chips, perhaps one for
// all.
#include <fmt/format.h>

#include "models/builder.hpp"
#include "util/error.hpp"

namespace tessera::models {

using Kind = nn::WeightRequest::Kind;
using nn::Split;

void check_experts(const io::ModelConfig& config) {
  check(config.num_experts > 0 && config.experts_per_token > 0 &&
            config.experts_per_token <= config.num_experts && config.expert_intermediate_size > 0,
        "config: {} of {} experts a token, {} channels each: all must be positive and the first no more "
        "than the second",
        config.experts_per_token, config.num_experts, config.expert_intermediate_size);
  // A damaged configuration can ask for more than a description fits into memory.
  check(config.num_experts <= 1024, "config: {} experts: at most 1024 are supported", config.num_experts);
}

nn::Linear Builder::router(const std::string& name, const std::string& key, const std::string& tensor,
                           std::int64_t out) {
  // A choice between experts leaves no room for rounding.
  nn::Linear result{name,
                    weights_.load({Kind::Matrix,
                                   key + name,
                                   {{tensor + ".weight", out}},
                                   config_.hidden_size,
                                   DataType::FLOAT32,
                                   Split::Hidden}),
                    {}};
  result.parallel = weights_.parallel().behind_columns();
  return result;
}

nn::Moe Builder::moe(int i, const ExpertNames& names) {
  const DecoderPrecision& dtype = precision_.layer(i);
  const std::string key = fmt::format("layers.{}.mlp.", i);
  const std::string module = fmt::format("model.layers.{}.{}.", i, names.module);
  const std::int64_t hidden = config_.hidden_size, inner = config_.expert_intermediate_size;
  nn::Moe result;
  result.fidelity = dtype.fidelity.mlp;
  result.router = router("gate", key, module + "gate", config_.num_experts);
  result.top_k = config_.experts_per_token;
  result.norm_topk_prob = config_.norm_topk_prob;
  for (int e = 0; e < config_.num_experts; ++e) {
    const std::string name = fmt::format("experts.{}.", e);
    const auto load = [&](const std::string& part, std::int64_t in, std::int64_t out, Split in_split,
                          Split split, DataType type) {
      return weights_.load({Kind::Matrix,
                            fmt::format("{}{}{}", key, name, part),
                            {{fmt::format("{}{}{}.weight", module, name, part), out, split}},
                            in,
                            type,
                            in_split});
    };
    result.gate_proj.push_back(
        load(names.gate_proj, hidden, inner, Split::Hidden, Split::Even, dtype.ff1_ff3));
    result.up_proj.push_back(load(names.up_proj, hidden, inner, Split::Hidden, Split::Even, dtype.ff1_ff3));
    result.down_proj.push_back(load(names.down_proj, inner, hidden, Split::Even, Split::Hidden, dtype.ff2));
  }
  result.activation = activation_of(config_);
  result.inner = weights_.parallel().behind_columns();
  result.parallel = weights_.parallel().behind_rows();
  if (config_.shared_intermediate_size == 0) return result;
  const std::string own = "shared_expert.";
  const std::int64_t shared = config_.shared_intermediate_size;
  nn::Mlp mlp;
  mlp.fidelity = dtype.fidelity.mlp;
  mlp.gate_proj = linear("gate_proj", key + own, hidden, dtype.ff1_ff3, false,
                         {{module + own + "gate_proj", shared, Split::Even}});
  mlp.up_proj = linear("up_proj", key + own, hidden, dtype.ff1_ff3, false,
                       {{module + own + "up_proj", shared, Split::Even}});
  mlp.down_proj = linear("down_proj", key + own, shared, dtype.ff2, false,
                         {{module + own + "down_proj", hidden, Split::Hidden}}, Split::Even);
  mlp.down_proj.parallel = {};  // summed over the chips together with the others
  mlp.activation = result.activation;
  result.shared_expert = mlp;
  result.shared_expert_gate = router("shared_expert_gate", key, module + "shared_expert_gate", 1);
  return result;
}

}  // namespace tessera::models
