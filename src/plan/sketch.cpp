#include "plan/sketch.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "nn/causal_lm.hpp"
#include "ops/dispatch.hpp"
#include "ops/eltwise/eltwise.hpp"
#include "ops/heads/heads.hpp"
#include "ops/kv_cache/kv_cache.hpp"
#include "ops/layer_norm/layer_norm.hpp"
#include "ops/rms_norm/rms_norm.hpp"
#include "ops/sdpa/sdpa.hpp"
#include "ops/slice/slice.hpp"
#include "ops/softmax/softmax.hpp"
#include "ops/topk/topk.hpp"
#include "ops/typecast/typecast.hpp"

namespace tessera::plan {
namespace {

using namespace tessera::experimental;
using namespace tessera::transformer;
using Kind = nn::WeightRequest::Kind;
using Mlp = LayerForm::Mlp;

struct Norm {
  std::string name;
  Tensor weight;
  std::optional<Tensor> bias;  // with one: LayerNorm
  nn::NormParallel parallel = {};

  Tensor forward(const Tensor& x) const {
    const ModuleScope scope(name);
    if (parallel.group) return nn::distributed_rms_norm(x, 1e-5f, weight, parallel);
    return bias ? layer_norm(x, 1e-5f, weight, bias) : rms_norm(x, 1e-5f, weight);
  }
};

struct Feed {  // one MLP, or one expert
  std::optional<nn::Linear> gate;
  nn::Linear up, down;

  Tensor forward(const Tensor& x) const {
    if (!gate) return down.forward(gelu(up.forward(x)));
    const Tensor gated = gate->forward(x);
    return down.forward(multiply(gated, up.forward(x), Activation::Silu));
  }
};

struct Layer {
  int index = 0;
  std::vector<Norm> norms;
  nn::Linear qkv, out;
  std::optional<Norm> q_norm, k_norm;
  std::optional<nn::Linear> router;
  std::vector<Feed> feeds;
};

class Builder {
 public:
  Builder(const ModelFacts& facts, const ChipPart& part, const models::Precision& precision,
          nn::WeightSource& weights, const nn::TensorParallel& parallel)
      : parallel_(parallel),
        form_(facts.form),
        c_(part.config),
        hidden_(part.hidden),
        experts_(part.experts),
        precision_(precision),
        weights_(weights) {}

  Tensor matrix(const std::string& key, std::int64_t in, std::int64_t out, DataType dtype) {
    return weights_.load({Kind::Matrix, key, {{key, out}}, in, dtype});
  }
  Tensor vector(const std::string& key, std::int64_t size) {
    return weights_.load({Kind::Vector, key, {{key, size}}, 1, precision_.norm});
  }
  nn::Linear linear(const std::string& name, const std::string& key, std::int64_t in, std::int64_t out,
                    DataType dtype) {
    return {name, matrix(key + name, in, out, dtype), {}};
  }
  // From the residual stream to what is divided.
  nn::Linear columns(const std::string& name, const std::string& key, std::int64_t out, DataType dtype) {
    nn::Linear result = linear(name, key, hidden_, out, dtype);
    result.parallel = parallel_.behind_columns();
    return result;
  }
  Norm norm(const std::string& name, const std::string& key, std::int64_t size) {
    Norm result{name, vector(key + name, size), {}};
    if (form_.layer_norm) result.bias = vector(key + name + ".bias", size);
    return result;
  }
  Norm stream_norm(const std::string& name, const std::string& key) {
    Norm result = norm(name, key, hidden_);
    result.parallel = parallel_.norm(c_.hidden_size);
    return result;
  }

  Layer layer(int i) {
    const models::DecoderPrecision& dtype = precision_.layer(i);
    const std::string key = fmt::format("layers.{}.", i);
    const std::int64_t q = std::int64_t{c_.num_attention_heads} * c_.head_dim;
    const std::int64_t all = q + 2 * std::int64_t{c_.num_key_value_heads} * c_.head_dim;
    Layer result;
    result.index = i;
    result.norms.push_back(stream_norm("input_layernorm", key));
    if (form_.norms > 1) result.norms.push_back(stream_norm("post_attention_layernorm", key));
    result.qkv = columns("qkv_proj", key + "self_attn.", all, dtype.wqkv);
    if (form_.qkv_bias) result.qkv.bias = vector(key + "self_attn.qkv_proj.bias", all);
    if (form_.qk_norm) {
      result.q_norm = norm("q_norm", key + "self_attn.", c_.head_dim);
      result.k_norm = norm("k_norm", key + "self_attn.", c_.head_dim);
    }
    result.out = linear("o_proj", key + "self_attn.", q, hidden_, dtype.wo);
    result.out.parallel = parallel_.behind_rows();
    if (form_.mlp == Mlp::Experts)
      result.router = columns("router", key + "mlp.", form_.experts, DataType::BFLOAT16);
    const int feeds = form_.mlp == Mlp::Experts ? experts_ : 1;
    for (int e = 0; e < feeds; ++e) {
      const std::string mlp = key + (form_.mlp == Mlp::Experts ? fmt::format("mlp.experts.{}.", e) : "mlp.");
      Feed feed;
      if (form_.mlp != Mlp::Plain) feed.gate = columns("gate_proj", mlp, c_.intermediate_size, dtype.ff1_ff3);
      feed.up = columns("up_proj", mlp, c_.intermediate_size, dtype.ff1_ff3);
      feed.down = linear("down_proj", mlp, c_.intermediate_size, hidden_, dtype.ff2);
      // Experts of one chip are added up before the chips are.
      if (form_.mlp != Mlp::Experts) feed.down.parallel = parallel_.behind_rows();
      result.feeds.push_back(std::move(feed));
    }
    return result;
  }

 private:
  const nn::TensorParallel& parallel_;
  const LayerForm& form_;
  const io::ModelConfig& c_;
  std::int64_t hidden_;
  int experts_;
  const models::Precision& precision_;
  nn::WeightSource& weights_;
};

class Sketch final : public PlannedModel {
 public:
  Sketch(const ModelFacts& facts, const ChipPart& part, const models::Precision& precision, int positions,
         nn::WeightSource& weights, const nn::TensorParallel& parallel)
      : form_(facts.form), experts_sum_(parallel.behind_rows()) {
    Builder build(facts, part, precision, weights, parallel);
    // What the plain parts of a model need is nn::CausalLm's: embedding, rotary tables, head, cache.
    shell_.config = part.config;
    // The size of the tables does not depend on how their angles are scaled.
    shell_.config.rope_scaling = {};
    shell_.embed_tokens = {"embed_tokens",
                           weights.load({Kind::Rows,
                                         "embed_tokens",
                                         {{"embed_tokens", facts.config.vocab_size}},
                                         part.hidden,
                                         precision.embedding}),
                           precision.activation};
    for (int i = 0; i < part.config.num_hidden_layers; ++i) layers_.push_back(build.layer(i));
    norm_ = build.stream_norm("norm", "");
    shell_.lm_head = build.linear("lm_head", "", part.hidden, part.vocab, precision.lm_head);
    shell_.lm_head.parallel = parallel.behind_head(facts.config.vocab_size);
    shell_.rope = nn::Rope(weights.device(), shell_.config, positions);
    shell_.kv_dtype = precision.kv_cache;
    shell_.max_seq = positions;
  }

  Tensor decode(const Tensor& ids, const Tensor& positions, nn::KvCache& cache) const override {
    const nn::Step step = shell_.decode_step(positions, cache);
    return logits(run(shell_.embed_tokens.forward(ids), step));
  }
  Tensor prefill(std::span<const std::int32_t> ids, nn::KvCache& cache, int user,
                 std::int64_t start) const override {
    const auto n = static_cast<std::int64_t>(ids.size());
    const Tensor tokens = to_device(device(), ids, {Shape{1, n}, DataType::INT32, Layout::ROW_MAJOR});
    const nn::Step step = shell_.prefill_step(n, cache, user, start);
    return run(shell_.embed_tokens.forward(tokens), step);
  }
  Tensor prefill(const Tensor& ids, const Tensor& pages, nn::KvCache& cache) const override {
    nn::Step step;
    step.decode = false;
    step.cache = &cache;
    step.rope = &*shell_.rope;
    step.rows = shell_.rope->range(0, ids.logical_shape().volume());
    step.pages = pages;
    return run(shell_.embed_tokens.forward(ids), step);
  }
  Tensor logits(const Tensor& hidden) const override { return shell_.logits(hidden); }
  nn::KvCacheConfig cache_config(int users, int positions) const override {
    return shell_.cache_config(users, positions);
  }
  Device& device() const override { return shell_.device(); }

 private:
  Tensor run(Tensor hidden, const nn::Step& step) const {
    for (const Layer& layer : layers_) {
      const ModuleScope scope(fmt::format("layers.{}", layer.index));
      hidden = forward(layer, hidden, step);
    }
    return norm_.forward(hidden);
  }

  Tensor forward(const Layer& layer, const Tensor& x, const nn::Step& step) const {
    const Tensor normed = layer.norms[0].forward(x);
    const Tensor attended = attend(layer, normed, step);
    if (form_.parallel) {
      const Tensor input = layer.norms.size() > 1 ? layer.norms[1].forward(x) : normed;
      return add(x, add(attended, feed(layer, input)));
    }
    const Tensor middle = add(x, attended);
    return add(middle, feed(layer, layer.norms[1].forward(middle)));
  }

  Tensor attend(const Layer& layer, const Tensor& x, const nn::Step& step) const {
    const ModuleScope scope("self_attn");
    const nn::KvCache& cache = *step.cache;
    const int heads = shell_.config.num_attention_heads, kv_heads = shell_.config.num_key_value_heads;
    const Tensor qkv = layer.qkv.forward(x);
    auto [q, k, v] = step.decode ? nlp_create_qkv_heads_decode(qkv, heads, kv_heads)
                                 : nlp_create_qkv_heads(qkv, heads, kv_heads);
    if (layer.q_norm) {
      q = layer.q_norm->forward(q);
      k = layer.k_norm->forward(k);
    }
    q = step.rope->apply(q, step.rows, step.decode);
    k = step.rope->apply(k, step.rows, step.decode);
    const Tensor& k_cache = cache.k(layer.index);
    const Tensor& v_cache = cache.v(layer.index);
    if (step.decode) {
      paged_update_cache(k_cache, k, step.positions, step.pages);
      paged_update_cache(v_cache, v, step.positions, step.pages);
      const Tensor y =
          paged_scaled_dot_product_attention_decode(q, k_cache, v_cache, step.pages, step.positions);
      return layer.out.forward(nlp_concat_heads_decode(y, heads));
    }
    if (k.dtype() != cache.config().dtype) {
      k = typecast(k, cache.config().dtype);
      v = typecast(v, cache.config().dtype);
    }
    paged_fill_cache(k_cache, k, step.pages);
    paged_fill_cache(v_cache, v, step.pages);
    const Tensor y = step.start == 0 ? scaled_dot_product_attention(q, k, v)
                                     : chunked_scaled_dot_product_attention(q, k_cache, v_cache,
                                                                            step.past_pages, step.start);
    return layer.out.forward(nlp_concat_heads(y));
  }

  // As TT-Transformers runs experts: each chip runs its own on every row, and weighs the result by the
  // router's share (0 for rows that chose others).
  Tensor feed(const Layer& layer, const Tensor& x) const {
    const ModuleScope scope("mlp");
    if (!layer.router) return layer.feeds.front().forward(x);
    const Tensor scores = layer.router->forward(x);
    const auto [best, chosen] = topk(scores, form_.experts_per_token);
    const Tensor shares = softmax(best);
    const std::array<std::int64_t, 4> begin{0, 0, 0, 0},
        end{1, 1, 1, 1};  // the meta engine wants a value of the right kind, not the right one
    const Tensor share = slice(shares, begin, end);
    Tensor sum;
    for (std::size_t e = 0; e < layer.feeds.size(); ++e) {
      const ModuleScope expert(fmt::format("experts.{}", e));
      const Tensor y = multiply(layer.feeds[e].forward(x), share);
      sum = sum.is_allocated() ? add(sum, y) : y;
    }
    return experts_sum_.join(sum);
  }

  LayerForm form_;
  nn::Parallel experts_sum_;
  nn::CausalLm shell_;
  std::vector<Layer> layers_;
  Norm norm_;
};

}  // namespace

std::unique_ptr<PlannedModel> build_sketch(const ModelFacts& facts, const ChipPart& part,
                                           const models::Precision& precision, int positions,
                                           nn::WeightSource& weights, const nn::TensorParallel& parallel) {
  return std::make_unique<Sketch>(facts, part, precision, positions, weights, parallel);
}

}  // namespace tessera::plan
