#include "models/builder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "models/tensor_plan.hpp"
#include "nn/rope_frequencies.hpp"
#include "nn/tensor_parallel.hpp"
#include "util/error.hpp"

namespace tessera::models {
namespace {

using Kind = nn::WeightRequest::Kind;
using nn::Split;

std::string key_of(int layer) {
  return fmt::format("layers.{}.", layer);
}

// Hugging Face's names for the functions that nn::Mlp has.
constexpr std::array kActivations{
    std::pair<std::string_view, Activation>{"silu", Activation::Silu},
    std::pair<std::string_view, Activation>{"gelu", Activation::Gelu},
    std::pair<std::string_view, Activation>{"gelu_fast", Activation::GeluTanh},
    std::pair<std::string_view, Activation>{"gelu_new", Activation::GeluTanh},
    std::pair<std::string_view, Activation>{"gelu_pytorch_tanh", Activation::GeluTanh},
};

nn::RopeUse rope_of(const io::ModelConfig& config, int layer) {
  if (config.positions != io::Positions::Rotary || !config.rotates(layer)) return nn::RopeUse::None;
  return config.sliding_rope && config.sliding_window(layer) > 0 ? nn::RopeUse::Sliding : nn::RopeUse::Main;
}

}  // namespace

Activation activation_of(const io::ModelConfig& config) {
  for (const auto& [name, activation] : kActivations) {
    if (config.hidden_act == name) return activation;
  }
  fail_user("config: hidden_act \"{}\": silu, gelu, gelu_fast, gelu_new and gelu_pytorch_tanh are supported",
            config.hidden_act);
}

void check_decoder(const io::ModelConfig& config) {
  check(config.num_hidden_layers > 0 && config.hidden_size > 0 && config.intermediate_size > 0 &&
            config.vocab_size > 0,
        "config: {} layers, hidden {}, intermediate {}, vocabulary {}: all must be positive",
        config.num_hidden_layers, config.hidden_size, config.intermediate_size, config.vocab_size);
  check(config.num_key_value_heads > 0 && config.num_attention_heads % config.num_key_value_heads == 0,
        "config: {} attention heads over {} key-value heads: a multiple expected", config.num_attention_heads,
        config.num_key_value_heads);
  check(config.head_dim > 0 && config.head_dim % 2 == 0, "config: head_dim {}: an even number expected",
        config.head_dim);
  activation_of(config);
  nn::check_rope(config);
}

void check_activation(const io::ModelConfig& config, std::initializer_list<std::string_view> known) {
  check(std::ranges::find(known, config.hidden_act) != known.end(),
        "config: hidden_act \"{}\": the {} family has {}", config.hidden_act, config.model_type,
        fmt::join(known, " or "));
}

void check_whole_heads_rotate(const io::ModelConfig& config) {
  check(config.rotary_dim() == config.head_dim,
        "config: partial_rotary_factor {}: the {} family rotates whole heads", config.partial_rotary_factor,
        config.model_type);
}

std::unique_ptr<nn::CausalLm> Builder::model(const std::function<nn::DecoderLayer(int)>& layer,
                                             const OuterNames& names) {
  const nn::TensorParallel& chips = weights_.parallel();
  const std::string refused = why_not_divided(config_, chips.plan(), chips.chips());
  if (!refused.empty()) fail_user("{}: {}", nn::describe(chips.plan(), chips.chips()), refused);
  auto model = std::make_unique<nn::CausalLm>();
  model->config = config_;
  model->embed_tokens = {"embed_tokens", table("embed_tokens", names.embedding, config_.vocab_size),
                         precision_.activation};
  if (config_.positions == io::Positions::Learned)
    model->embed_positions = {table("embed_positions", names.positions, config_.max_position_embeddings)};
  for (int i = 0; i < config_.num_hidden_layers; ++i) {
    model->layers.push_back(layer(i));
    check_gathers(model->layers.back());
  }
  model->norm = stream_norm("norm", "", names.norm);
  model->lm_head = head(config_.tie_word_embeddings ? names.embedding : names.head);
  if (config_.positions == io::Positions::Rotary)
    model->rope = nn::Rope(weights_.device(), config_, max_seq_);
  if (config_.sliding_rope)
    model->sliding_rope = nn::Rope(weights_.device(), config_, *config_.sliding_rope, max_seq_);
  model->lm_head_fidelity = precision_.lm_head_fidelity;
  model->kv_dtype = precision_.kv_cache;
  model->max_seq = max_seq_;
  return model;
}

nn::DecoderLayer Builder::decoder_layer(int i) {
  nn::DecoderLayer result = layer_around(i);
  result.mlp = mlp(i);
  return result;
}

nn::DecoderLayer Builder::expert_layer(int i, const ExpertNames& names) {
  nn::DecoderLayer result = layer_around(i);
  result.moe = moe(i, names);
  return result;
}

nn::DecoderLayer Builder::layer_around(int i) {
  nn::DecoderLayer result;
  result.attention_norm = layer_norm(i, "input_layernorm");
  result.self_attn = attention(i);
  result.mlp_norm = layer_norm(i, "post_attention_layernorm");
  result.residual_multiplier = config_.residual_multiplier;
  return result;
}

nn::Attention Builder::attention(int i) {
  const std::string module = "model." + key_of(i) + "self_attn.";
  const std::int64_t q = std::int64_t{config_.num_attention_heads} * config_.head_dim;
  const std::int64_t kv = std::int64_t{config_.num_key_value_heads} * config_.head_dim;
  return attention_of(i,
                      {{module + "q_proj", q, Split::QHeads},
                       {module + "k_proj", kv, Split::KvHeads},
                       {module + "v_proj", kv, Split::KvHeads}},
                      module + "o_proj");
}

nn::Attention Builder::fused_attention(int i) {
  const std::string module = "model." + key_of(i) + "self_attn.";
  return fused_attention(i, module + "qkv_proj", module + "o_proj");
}

nn::Attention Builder::fused_attention(int i, const std::string& qkv, const std::string& output) {
  const std::int64_t heads = config_.num_attention_heads, kv_heads = config_.num_key_value_heads;
  const std::int64_t dim = config_.head_dim, q = heads * dim, kv = kv_heads * dim, all = q + 2 * kv;
  if (config_.fused_rows == io::FusedRows::InTurn)
    return attention_of(i,
                        {{qkv, q, Split::QHeads, 0, all},
                         {qkv, kv, Split::KvHeads, q, all},
                         {qkv, kv, Split::KvHeads, q + kv, all}},
                        output);
  const std::int64_t queries = q / kv_heads, group = queries + 2 * dim;
  return attention_of(i,
                      {{qkv, q, Split::QHeads, 0, all, queries, group},
                       {qkv, kv, Split::KvHeads, queries, all, dim, group},
                       {qkv, kv, Split::KvHeads, queries + dim, all, dim, group}},
                      output);
}

nn::Attention Builder::attention_of(int i, const std::vector<Source>& qkv, const std::string& output) {
  const DecoderPrecision& dtype = precision_.layer(i);
  const std::string key = key_of(i) + "self_attn.";
  const nn::HeadShare share =
      nn::share_heads(config_.num_attention_heads, config_.num_key_value_heads, weights_.parallel().parts());
  nn::Attention result;
  result.layer = i;
  result.fidelity = dtype.fidelity.attention;
  result.num_heads = share.heads;
  result.num_kv_heads = share.kv_heads;
  result.qkv_proj = linear("qkv_proj", key, config_.hidden_size, dtype.wqkv, config_.qkv_bias, qkv);
  result.o_proj = linear("o_proj", key, qkv.front().rows, dtype.wo, config_.o_bias,
                         {{output, config_.hidden_size, Split::Hidden}}, Split::QHeads);
  if (config_.qk_norm == io::QkNorm::Head) {
    result.q_norm = norm("q_norm", key, "model." + key, config_.head_dim);
    result.k_norm = norm("k_norm", key, "model." + key, config_.head_dim);
  }
  if (config_.qk_norm == io::QkNorm::Projection) {
    result.norms_projection = true;
    result.q_norm = norm("q_norm", key, "model." + key, qkv[0].rows);
    result.k_norm = norm("k_norm", key, "model." + key, qkv[1].rows);
  }
  result.sliding_window = config_.sliding_window(i);
  result.softcap = config_.attention_softcap;
  if (config_.attention_scale > 0) result.scale = config_.attention_scale;
  result.rope = rope_of(config_, i);
  if (config_.positions == io::Positions::Alibi) result.alibi_slopes = alibi_slopes();
  return result;
}

nn::Mlp Builder::mlp(int i) {
  const std::string module = "model." + key_of(i) + "mlp.";
  const std::int64_t inner = config_.intermediate_size;
  return mlp_of(i, {module + "gate_proj", inner, Split::Even}, {module + "up_proj", inner, Split::Even});
}

nn::Mlp Builder::fused_mlp(int i) {
  const std::string name = "model." + key_of(i) + "mlp.gate_up_proj";
  const std::int64_t inner = config_.intermediate_size;
  return mlp_of(i, {name, inner, Split::Even, 0, 2 * inner}, {name, inner, Split::Even, inner, 2 * inner});
}

nn::Mlp Builder::mlp_of(int i, const Source& gate, const Source& up) {
  const DecoderPrecision& dtype = precision_.layer(i);
  const std::string key = key_of(i) + "mlp.";
  nn::Mlp result;
  result.fidelity = dtype.fidelity.mlp;
  result.gate_proj = linear("gate_proj", key, config_.hidden_size, dtype.ff1_ff3, config_.mlp_bias, {gate});
  result.up_proj = linear("up_proj", key, config_.hidden_size, dtype.ff1_ff3, config_.mlp_bias, {up});
  result.down_proj =
      linear("down_proj", key, up.rows, dtype.ff2, config_.mlp_bias,
             {{"model." + key + "down_proj", config_.hidden_size, Split::Hidden}}, Split::Even);
  result.activation = activation_of(config_);
  return result;
}

std::vector<float> Builder::alibi_slopes() const {
  const int heads = config_.num_attention_heads;
  const nn::TensorParallel& chips = weights_.parallel();
  std::vector<nn::Range> ranges{{0, heads}};
  if (chips.parts() > 1)
    ranges = nn::split_ranges(Split::QHeads, heads, heads, config_.num_key_value_heads, chips.part(),
                              chips.parts());
  std::vector<float> slopes;
  for (const nn::Range& range : ranges) {
    for (std::int64_t i = 0; i < range.count; ++i)
      slopes.push_back(range.is_zeros() ? 0.0f
                                        : config_.alibi_slopes.at(static_cast<std::size_t>(range.first + i)));
  }
  return slopes;
}

nn::Mlp Builder::plain_mlp(int i, const std::string& up, const std::string& down) {
  const DecoderPrecision& dtype = precision_.layer(i);
  const std::string key = key_of(i) + "mlp.";
  const std::int64_t inner = config_.intermediate_size;
  nn::Mlp result;
  result.fidelity = dtype.fidelity.mlp;
  result.up_proj = linear("up_proj", key, config_.hidden_size, dtype.ff1_ff3, config_.mlp_bias,
                          {{up, inner, Split::Even}});
  result.down_proj = linear("down_proj", key, inner, dtype.ff2, config_.mlp_bias,
                            {{down, config_.hidden_size, Split::Hidden}}, Split::Even);
  result.activation = activation_of(config_);
  return result;
}

nn::Norm Builder::layer_norm(int i, const std::string& name) {
  return stream_norm(name, key_of(i), "model." + key_of(i) + name);
}

nn::Norm Builder::output_norm(int i, const std::string& name) {
  return stream_norm(name, key_of(i), "model." + key_of(i) + name, false);
}

nn::Norm Builder::norm(const std::string& name, const std::string& key, const std::string& module,
                       std::int64_t size) {
  return norm_of(name, key, {module + name, size});
}

nn::Norm Builder::stream_norm(const std::string& name, const std::string& key, const std::string& tensor,
                              bool feeds_linear) {
  const nn::TensorParallel& chips = weights_.parallel();
  nn::Norm result = norm_of(name, key, {tensor, config_.hidden_size, Split::Hidden});
  result.parallel = feeds_linear ? chips.norm(config_.hidden_size) : chips.output_norm(config_.hidden_size);
  return result;
}

void Builder::check_gathers(const nn::DecoderLayer& layer) const {
  if (weights_.parallel().form() != nn::TensorForm::Fractured) return;
  check(layer.attention_norm && (layer.mlp_norm || layer.parallel),
        "tensor parallel fractured: the {} family has no norm before its blocks to gather behind: use "
        "replicated",
        config_.model_type);
}

nn::Norm Builder::norm_of(const std::string& name, const std::string& key, const Source& source) {
  // 1 + w is no bfloat16 where w is one.
  const DataType dtype = config_.norm_offset == 0.0f ? precision_.norm : DataType::FLOAT32;
  nn::Norm result;
  result.name = name;
  nn::WeightRequest weight{
      Kind::Vector, key + name, {{source.name + ".weight", source.rows, source.split}}, 1, dtype};
  weight.offset = config_.norm_offset;
  result.weight = weights_.load(weight);
  result.epsilon = config_.rms_norm_eps;
  result.kind = config_.norm;
  result.fidelity = precision_.norm_fidelity;
  if (config_.norm == io::NormKind::Layer) {
    result.bias = weights_.load({Kind::Vector,
                                 key + name + ".bias",
                                 {{source.name + ".bias", source.rows, source.split}},
                                 1,
                                 precision_.norm});
  }
  return result;
}

nn::Linear Builder::linear(const std::string& name, const std::string& key, std::int64_t in, DataType dtype,
                           bool bias, const std::vector<Source>& sources, Split in_split) {
  const auto parts = [&](const char* suffix) {
    std::vector<nn::WeightPart> result;
    result.reserve(sources.size());
    for (const Source& source : sources)
      result.push_back({source.name + suffix,
                        source.rows,
                        source.split,
                        {},
                        source.first,
                        source.tensor_rows,
                        source.block,
                        source.stride});
    return result;
  };
  nn::WeightRequest weight{Kind::Matrix, key + name, parts(".weight"), in, dtype, in_split};
  weight.turned = config_.turned_weights;
  nn::Linear result{name, weights_.load(weight), {}};
  const nn::TensorParallel& chips = weights_.parallel();
  result.parallel = in_split == Split::Hidden ? chips.behind_columns() : chips.behind_rows();
  if (bias) {
    nn::WeightRequest request{Kind::Vector, key + name + ".bias", parts(".bias"), 1, precision_.norm};
    request.once = true;
    result.bias = weights_.load(request);
  }
  return result;
}

Tensor Builder::table(const std::string& name, const std::string& tensor, std::int64_t rows) {
  return weights_.load({Kind::Rows,
                        name,
                        {{tensor + ".weight", rows}},
                        config_.hidden_size,
                        precision_.embedding,
                        Split::Hidden});
}

nn::Linear Builder::head(const std::string& module) {
  nn::WeightRequest request{
      Kind::Matrix,        "lm_head",          {{module + ".weight", config_.vocab_size, Split::Even}},
      config_.hidden_size, precision_.lm_head, Split::Hidden};
  nn::Linear result{"lm_head", weights_.load(request), {}};
  result.parallel = weights_.parallel().behind_head(config_.vocab_size);
  return result;
}

}  // namespace tessera::models
