#include "plan/model_facts.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "io/catalogue.hpp"
#include "io/checkpoint.hpp"
#include "io/hf_config.hpp"
#include "io/json.hpp"
#include "models/inspect.hpp"
#include "models/load_model.hpp"
#include "models/registry.hpp"
#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::plan {
namespace {

using Mlp = LayerForm::Mlp;

struct KnownForm {
  std::string_view architecture;
  LayerForm form;
};

// Architectures beyond the registry's: enough of each to count its bytes and its work.
constexpr std::array kForms{
    KnownForm{"MixtralForCausalLM", {.mlp = Mlp::Experts}},
    KnownForm{"FalconForCausalLM", {.layer_norm = true, .parallel = true, .norms = 1, .mlp = Mlp::Plain}},
};

LayerForm form_of(const io::ModelConfig& config) {
  const auto known = std::ranges::find(kForms, config.architecture, &KnownForm::architecture);
  // What the registry has is planned from its own modules; where it refuses a configuration, from these.
  const auto is_registered = [&](const auto* entry) { return entry->name() == config.architecture; };
  if (known == kForms.end() && std::ranges::any_of(models::architectures(), is_registered))
    return {.qkv_bias = config.qkv_bias, .qk_norm = config.qk_norm == io::QkNorm::Head};
  if (known == kForms.end()) {
    std::string names;
    for (const std::string& name : plannable_architectures()) names += " " + name;
    fail_user("architecture \"{}\" cannot be planned: known are{}", config.architecture, names);
  }
  return known->form;
}

// Falcon has keys of its own, and leaves out what its configuration class assumes.
void read_falcon(const io::JsonReader& reader, ModelFacts& facts) {
  io::ModelConfig& c = facts.config;
  const bool new_decoder = reader.boolean("new_decoder_architecture").value_or(false);
  const bool multi_query = reader.boolean("multi_query").value_or(true);
  c.num_key_value_heads = new_decoder   ? reader.integer("num_kv_heads", 1).value_or(c.num_attention_heads)
                          : multi_query ? 1
                                        : c.num_attention_heads;
  if (new_decoder) facts.form.norms = 2;
  facts.form.parallel = reader.boolean("parallel_attn").value_or(true);
  if (c.intermediate_size == 0)
    c.intermediate_size = reader.integer("ffn_hidden_size", 1).value_or(4 * c.hidden_size);
  if (c.max_position_embeddings == 0) c.max_position_embeddings = 2048;
  c.tie_word_embeddings = reader.boolean("tie_word_embeddings").value_or(true);
}

void check_sizes(const io::ModelConfig& c) {
  check(c.num_hidden_layers > 0 && c.hidden_size > 0 && c.intermediate_size > 0 && c.vocab_size > 0,
        "config: {} layers, hidden {}, intermediate {}, vocabulary {}: all must be positive",
        c.num_hidden_layers, c.hidden_size, c.intermediate_size, c.vocab_size);
  check(c.num_key_value_heads > 0 && c.num_attention_heads % c.num_key_value_heads == 0,
        "config: {} attention heads over {} key-value heads: a multiple expected", c.num_attention_heads,
        c.num_key_value_heads);
  check(c.head_dim > 0 && c.head_dim % 2 == 0, "config: head_dim {}: an even number expected", c.head_dim);
  check(c.num_hidden_layers <= 1000 && c.hidden_size <= (1 << 18) && c.intermediate_size <= (1 << 20) &&
            c.vocab_size <= (1 << 24) && c.num_attention_heads <= 4096 && c.head_dim <= 4096,
        "config: {} layers, hidden {}, intermediate {}, vocabulary {}, {} heads of {}: no model is so large",
        c.num_hidden_layers, c.hidden_size, c.intermediate_size, c.vocab_size, c.num_attention_heads,
        c.head_dim);
}

std::string why_not_runnable(const io::ModelConfig& config) {
  try {
    models::check_config(config);
    return {};
  } catch (const UserError& error) {
    return error.what();
  }
}

ModelFacts facts_of(const std::string& name, const io::ModelConfig& config) {
  ModelFacts facts{name, config, form_of(config), why_not_runnable(config)};
  if (config.max_position_embeddings == 0) facts.config.max_position_embeddings = 2048;
  return facts;
}

}  // namespace

ModelFacts parse_model_facts(const std::string& name, std::string_view config_json) {
  const io::ModelConfig config = io::parse_hf_config(config_json, name, models::family_formats());
  const nlohmann::json document = io::parse_json_object(config_json, name);
  const io::JsonReader reader(document, name);
  ModelFacts facts{name, config, form_of(config), why_not_runnable(config)};
  if (config.architecture == "FalconForCausalLM") read_falcon(reader, facts);
  if (facts.form.mlp == Mlp::Experts) {
    const auto experts = reader.integer("num_local_experts", 1),
               used = reader.integer("num_experts_per_tok", 1);
    if (!experts) reader.missing("num_local_experts");
    if (!used) reader.missing("num_experts_per_tok");
    facts.form.experts = *experts;
    facts.form.experts_per_token = *used;
    check(*experts <= 4096 && *used <= *experts,
          "config: {} of {} experts a token: fewer than there are expected", *used, *experts);
  }
  if (facts.config.max_position_embeddings == 0) facts.config.max_position_embeddings = 2048;
  check_sizes(facts.config);
  return facts;
}

ModelFacts read_model_facts(const std::string& model) {
  namespace fs = std::filesystem;
  const auto from_config = [&](const fs::path& file) {
    return parse_model_facts(model, read_text_file(file));
  };
  if (model.ends_with(".json")) return from_config(model);
  std::error_code ignored;
  if (fs::is_regular_file(fs::path(model) / "config.json", ignored))
    return from_config(fs::path(model) / "config.json");
  const fs::path path = io::resolve_model(model);
  if (fs::is_directory(path, ignored)) {
    ModelFacts facts = from_config(path / "config.json");
    facts.name = model;
    return facts;
  }
  ModelFacts facts = facts_of(model, models::open_checkpoint(path)->config());
  check_sizes(facts.config);
  return facts;
}

double parameter_count(const ModelFacts& facts) {
  const io::ModelConfig& c = facts.config;
  if (facts.runs()) return static_cast<double>(models::count_parameters(c));
  const double hidden = c.hidden_size, inner = c.intermediate_size;
  const double attention = hidden * c.head_dim * (2.0 * c.num_attention_heads + 2.0 * c.num_key_value_heads);
  double mlp = (facts.form.mlp == Mlp::Plain ? 2 : 3) * hidden * inner;
  if (facts.form.mlp == Mlp::Experts) mlp = mlp * facts.form.experts + hidden * facts.form.experts;
  const double tables = hidden * c.vocab_size * (c.tie_word_embeddings ? 1 : 2);
  return c.num_hidden_layers * (attention + mlp + facts.form.norms * hidden) + hidden + tables;
}

std::vector<std::string> plannable_architectures() {
  std::vector<std::string> names;
  for (const auto* entry : models::architectures()) names.emplace_back(entry->name());
  return names;
}

}  // namespace tessera::plan
