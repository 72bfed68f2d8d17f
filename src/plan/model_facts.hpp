#pragma once
// The model of a plan: its configuration, from whatever names it, without weights.
#include <string>
#include <string_view>
#include <vector>

#include "io/model_config.hpp"

namespace tessera::plan {

/// What a decoder layer is made of, as far as memory and time depend on it.
struct LayerForm {
  enum class Mlp { Gated, Plain, Experts };
  bool layer_norm = false;  // LayerNorm with a bias instead of RMSNorm
  bool qkv_bias = false;
  bool qk_norm = false;   // each head of q and k is normalised
  bool parallel = false;  // attention and MLP start from the same hidden states
  int norms = 2;          // of a layer
  Mlp mlp = Mlp::Gated;
  int experts = 0, experts_per_token = 0;
};

struct ModelFacts {
  std::string name;  // as given
  io::ModelConfig config;
  LayerForm form;
  std::string not_runnable;  // why this program plans the model and does not run it; empty: it runs

  bool runs() const { return not_runnable.empty(); }
};

/// `model` is what every command takes, or a folder with nothing but a config.json, or such a file. Throws
/// UserError for a model that is not there or an architecture that no plan is known for.
ModelFacts read_model_facts(const std::string& model);

/// The same from the text of a config.json; `name` stands for it in errors and results.
ModelFacts parse_model_facts(const std::string& name, std::string_view config_json);

/// Weights of the whole model; a tied embedding counts once.
double parameter_count(const ModelFacts& facts);

/// The architectures that a plan is known for: those that run and those that do not yet.
std::vector<std::string> plannable_architectures();

}  // namespace tessera::plan
