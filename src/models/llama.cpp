#include "models/llama.hpp"

#include <fmt/format.h>

#include <string>

#include "util/error.hpp"

namespace tessera::models {
namespace {

using Kind = nn::WeightRequest::Kind;
using nn::WeightPart;

class LlamaBuilder {
 public:
  LlamaBuilder(const io::ModelConfig& config, const Precision& precision, nn::WeightSource& weights)
      : config_(config), precision_(precision), weights_(weights) {}

  nn::DecoderLayer layer(int i) {
    const DecoderPrecision& dtype = precision_.layer(i);
    const std::string key = fmt::format("layers.{}.", i);
    const std::string name = "model." + key;
    const std::int64_t hidden = config_.hidden_size;
    const std::int64_t q = std::int64_t{config_.num_attention_heads} * config_.head_dim;
    const std::int64_t kv = std::int64_t{config_.num_key_value_heads} * config_.head_dim;
    const std::int64_t inner = config_.intermediate_size;
    const bool qkv_bias = config_.attention_bias;
    const std::string attn = name + "self_attn.";
    const std::string mlp = name + "mlp.";

    nn::DecoderLayer result;
    result.input_layernorm = norm("input_layernorm", key, name);
    result.self_attn.layer = i;
    result.self_attn.fidelity = dtype.fidelity.attention;
    result.mlp.fidelity = dtype.fidelity.mlp;
    result.self_attn.num_heads = config_.num_attention_heads;
    result.self_attn.num_kv_heads = config_.num_key_value_heads;
    result.self_attn.qkv_proj = linear("qkv_proj", key + "self_attn.", hidden, dtype.wqkv, qkv_bias,
                                       {{attn + "q_proj", q}, {attn + "k_proj", kv}, {attn + "v_proj", kv}});
    result.self_attn.o_proj =
        linear("o_proj", key + "self_attn.", q, dtype.wo, qkv_bias, {{attn + "o_proj", hidden}});
    result.post_attention_layernorm = norm("post_attention_layernorm", key, name);
    const bool bias = config_.mlp_bias;
    result.mlp.gate_proj =
        linear("gate_proj", key + "mlp.", hidden, dtype.ff1_ff3, bias, {{mlp + "gate_proj", inner}});
    result.mlp.up_proj =
        linear("up_proj", key + "mlp.", hidden, dtype.ff1_ff3, bias, {{mlp + "up_proj", inner}});
    result.mlp.down_proj =
        linear("down_proj", key + "mlp.", inner, dtype.ff2, bias, {{mlp + "down_proj", hidden}});
    return result;
  }

  nn::RmsNorm norm(const std::string& name, const std::string& key, const std::string& prefix) {
    return {name,
            weights_.load({Kind::Vector,
                           key + name,
                           {{prefix + name + ".weight", config_.hidden_size}},
                           1,
                           precision_.norm}),
            config_.rms_norm_eps};
  }

  nn::Linear linear(const std::string& name, const std::string& key, std::int64_t in, DataType dtype,
                    bool bias, const std::vector<WeightPart>& modules) {
    const auto parts = [&](const char* suffix) {
      std::vector<WeightPart> result;
      result.reserve(modules.size());
      for (const auto& module : modules) result.push_back({module.name + suffix, module.rows});
      return result;
    };
    nn::Linear result{name, weights_.load({Kind::Matrix, key + name, parts(".weight"), in, dtype}), {}};
    if (bias)
      result.bias = weights_.load({Kind::Vector, key + name + ".bias", parts(".bias"), 1, precision_.norm});
    return result;
  }

  nn::Embedding embedding() {
    return {"embed_tokens",
            weights_.load({Kind::Rows,
                           "embed_tokens",
                           {{"model.embed_tokens.weight", config_.vocab_size}},
                           config_.hidden_size,
                           precision_.embedding}),
            precision_.activation};
  }

  nn::Linear head() {
    const std::string module = config_.tie_word_embeddings ? "model.embed_tokens" : "lm_head";
    return linear("lm_head", "", config_.hidden_size, precision_.lm_head, false,
                  {{module, config_.vocab_size}});
  }

 private:
  const io::ModelConfig& config_;
  const Precision& precision_;
  nn::WeightSource& weights_;
};

}  // namespace

void check_llama(const io::ModelConfig& config) {
  check(config.hidden_act == "silu", "config: hidden_act \"{}\": the Llama family has silu",
        config.hidden_act);
  check(config.num_hidden_layers > 0 && config.hidden_size > 0 && config.intermediate_size > 0 &&
            config.vocab_size > 0,
        "config: {} layers, hidden {}, intermediate {}, vocabulary {}: all must be positive",
        config.num_hidden_layers, config.hidden_size, config.intermediate_size, config.vocab_size);
  check(config.num_key_value_heads > 0 && config.num_attention_heads % config.num_key_value_heads == 0,
        "config: {} attention heads over {} key-value heads: a multiple expected", config.num_attention_heads,
        config.num_key_value_heads);
  check(config.head_dim > 0 && config.head_dim % 2 == 0, "config: head_dim {}: an even number expected",
        config.head_dim);
  check(config.other_arithmetic.empty(), "config: {}: the Llama family does not do this",
        fmt::join(config.other_arithmetic, ", "));
  const std::string& scaling = config.rope_scaling.type;
  check(scaling == "none" || scaling == "default" || scaling == "linear" || scaling == "llama3",
        "config: rope_scaling.rope_type \"{}\": linear and llama3 are supported", scaling);
}

std::unique_ptr<nn::CausalLm> build_llama(const io::ModelConfig& config, const Precision& precision,
                                          int max_seq, nn::WeightSource& weights) {
  check_llama(config);
  LlamaBuilder builder(config, precision, weights);
  auto model = std::make_unique<nn::CausalLm>();
  model->config = config;
  model->embed_tokens = builder.embedding();
  for (int i = 0; i < config.num_hidden_layers; ++i) model->layers.push_back(builder.layer(i));
  model->norm = builder.norm("norm", "", "model.");
  model->lm_head = builder.head();
  model->lm_head_fidelity = precision.lm_head_fidelity;
  model->rope = nn::Rope(weights.device(), config, max_seq);
  model->kv_dtype = precision.kv_cache;
  model->max_seq = max_seq;
  return model;
}

}  // namespace tessera::models
