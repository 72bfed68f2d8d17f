#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "ops/dispatch.hpp"
#include "ops/heads/heads.hpp"
#include "util/clock.hpp"
#include "util/error.hpp"
#include "util/interrupt.hpp"
#include "util/rng.hpp"
#include "verify/phases.hpp"
#include "verify/rows.hpp"
#include "verify/scene.hpp"

namespace tessera::verify {
namespace {

constexpr int kBatch = 32;

// One module of one layer (or outside them) as a function of its input rows, and the norm that stands before
// it.
struct Module {
  std::string path, name;
  std::function<Tensor(const nn::CausalLm&, const Tensor&, const nn::Step&)> forward;
  const nn::Norm* norm_before = nullptr;  // of the reference
};

using NormOf = std::optional<nn::Norm> nn::DecoderLayer::*;

const nn::Norm* norm_of(const nn::DecoderLayer& layer, NormOf which) {
  return layer.*which ? &*(layer.*which) : nullptr;
}

const char* op_of(const nn::Norm& norm) {
  return norm.kind == io::NormKind::Layer ? "layer_norm" : "rms_norm";
}

std::vector<Module> layer_modules(const nn::CausalLm& reference, int i) {
  const auto at = static_cast<std::size_t>(i);
  const nn::DecoderLayer& layer = reference.layers[at];
  const std::string prefix = fmt::format("layers.{}.", i);
  std::vector<Module> modules;
  const auto add_norm = [&](NormOf which) {
    const nn::Norm* norm = norm_of(layer, which);
    if (norm == nullptr) return;
    modules.push_back(
        {prefix + norm->name, op_of(*norm), [at, which](const auto& m, const Tensor& x, const auto&) {
           return norm_of(m.layers[at], which)->forward(x);
         }});
  };
  add_norm(&nn::DecoderLayer::attention_norm);
  modules.push_back({prefix + "self_attn", "attention",
                     [at](const auto& m, const Tensor& x, const auto& step) {
                       return m.layers[at].self_attn.forward(x, step);
                     },
                     norm_of(layer, &nn::DecoderLayer::attention_norm)});
  add_norm(&nn::DecoderLayer::attention_output_norm);
  add_norm(&nn::DecoderLayer::mlp_norm);
  const bool shared = layer.parallel && !layer.mlp_norm;
  modules.push_back(
      {prefix + "mlp", "mlp",
       [at](const auto& m, const Tensor& x, const auto&) { return m.layers[at].feed(x); },
       norm_of(layer, shared ? &nn::DecoderLayer::attention_norm : &nn::DecoderLayer::mlp_norm)});
  add_norm(&nn::DecoderLayer::mlp_output_norm);
  return modules;
}

std::vector<Module> outer_modules(const nn::CausalLm& reference) {
  return {
      {"norm", op_of(reference.norm),
       [](const auto& m, const Tensor& x, const auto&) { return m.norm.forward(x); }},
      {"lm_head", "lm_head", [](const auto& m, const Tensor& x, const auto&) { return m.logits(x); },
       &reference.norm},
  };
}

// Where the module of a path stands in the model: its scope without its own name.
std::string scope_of(const Module& module) {
  const int layer = layer_of(module.path);
  return layer < 0 ? std::string() : fmt::format("layers.{}", layer);
}

Tensor run(const Module& module, const nn::CausalLm& model, const Tensor& x, const nn::Step& step) {
  const std::string scope = scope_of(module);
  if (scope.empty()) return module.forward(model, x, step);
  const ModuleScope layer(scope);
  return module.forward(model, x, step);
}

using Draw = std::function<float()>;

std::vector<float> random_values(std::int64_t n, const Draw& draw) {
  std::vector<float> values(static_cast<std::size_t>(n));
  for (float& value : values) value = draw();
  return values;
}

// A decode step of 32 users at spread positions over a random past, the same on both sides. The reference's
// cache keeps what the device's can hold: the keys of Qwen 2.5's first layer are biases of up to 354, where
// bfloat16 has steps of 2 and a score of random rows is off by more than one. What a cache loses is judged on
// the captured past and on texts.
struct RandomStep {
  nn::KvCache reference, device;
  nn::Step reference_step, device_step;

  RandomStep(const Session& s, const nn::KvCacheConfig& config)
      : reference(s.reference->device(), with_dtype(config, s.model->kv_dtype)),
        device(s.model->device(), with_dtype(config, s.model->kv_dtype)) {
    std::vector<std::int32_t> positions;
    for (int user = 0; user < kBatch; ++user) {
      reference.reserve(user, config.max_seq);
      device.reserve(user, config.max_seq);
      positions.push_back((7 * user + 3) % config.max_seq);
    }
    reference_step = s.reference->decode_step(upload(s.reference->device(), positions), reference);
    device_step = s.model->decode_step(upload(s.model->device(), positions), device);
  }

  std::int64_t positions() const { return reference.config().max_seq; }

  // The layer's own keys and values of random tokens, the keys rotated to their positions: anything else
  // would be a past that no model has, and its softmax one-hot.
  void fill(const nn::CausalLm& model, int layer, const Draw& draw) {
    const nn::DecoderLayer& at = model.layers[static_cast<std::size_t>(layer)];
    const nn::Attention& attention = at.self_attn;
    const std::int64_t hidden = model.config.hidden_size;
    const Tensor rows = activation_rows(model, random_values(positions() * hidden, draw), hidden);
    const Tensor qkv = attention.project(at.attention_norm ? at.attention_norm->forward(rows) : rows,
                                         attention.fidelity.qkv_prefill);
    const auto [q, k, v] =
        experimental::nlp_create_qkv_heads(qkv, attention.num_heads, attention.num_kv_heads);
    const std::vector<float> k_rows = k.to_vector(), v_rows = v.to_vector();
    const auto volume = static_cast<std::size_t>(reference.k(layer).logical_shape().volume());
    std::vector<float> keys(volume), values(volume);
    for (int user = 0; user < kBatch; ++user) {
      const nn::Step past = model.prefill_step(positions(), reference, user, 0);
      const std::vector<float> own = rows_of(user, k_rows);
      const Tensor heads = to_device(model.device(), std::span<const float>(own), k.spec());
      put(attention.placed(heads, attention.k_norm, past).to_vector(), past.pages, keys);
      put(rows_of(user, v_rows), past.pages, values);
    }
    copy(keys, reference.k(layer), device.k(layer));
    copy(values, reference.v(layer), device.v(layer));
  }

  // The rows [kv_heads][positions][head_dim] in an order of the user's own, so that no two users have the
  // same past.
  std::vector<float> rows_of(int user, const std::vector<float>& rows) const {
    const std::int64_t dim = reference.config().head_dim, n = positions();
    std::vector<float> result;
    result.reserve(rows.size());
    for (std::int64_t head = 0; head < reference.config().kv_heads; ++head) {
      for (std::int64_t p = 0; p < n; ++p) {
        const std::int64_t row = head * n + (p * 3 + user * 5) % n;
        result.insert(result.end(), rows.begin() + row * dim, rows.begin() + (row + 1) * dim);
      }
    }
    return result;
  }

  // A user's rows [kv_heads][positions][head_dim] into its pages of a cache
  // [pages][kv_heads][page][head_dim].
  void put(const std::vector<float>& rows, const Tensor& pages, std::vector<float>& cache) const {
    const nn::KvCacheConfig& config = reference.config();
    const std::vector<std::int32_t> page_of = pages.to_int_vector();
    const std::int64_t heads = config.kv_heads, block = config.block_size, dim = config.head_dim;
    for (std::int64_t head = 0; head < heads; ++head) {
      for (std::int64_t p = 0; p < positions(); ++p) {
        const std::int64_t page = page_of[static_cast<std::size_t>(p / block)];
        const std::int64_t to = ((page * heads + head) * block + p % block) * dim;
        std::copy_n(rows.begin() + (head * positions() + p) * dim, dim, cache.begin() + to);
      }
    }
  }

  static void copy(const std::vector<float>& values, Tensor on_reference, Tensor on_device) {
    copy_to_device(std::span<const float>(values), on_device);
    copy_to_device(std::span<const float>(values), on_reference);
  }

  static nn::KvCacheConfig with_dtype(nn::KvCacheConfig config, DataType dtype) {
    config.dtype = dtype;
    return config;
  }
  static Tensor upload(Device& device, const std::vector<std::int32_t>& positions) {
    return to_device(device, std::span<const std::int32_t>(positions),
                     {Shape{kBatch}, DataType::INT32, Layout::ROW_MAJOR});
  }
};

void append(std::vector<report::OpResult>& to, std::vector<report::OpResult> rows) {
  to.insert(to.end(), rows.begin(), rows.end());
}

void check_random(Session& s, RandomStep& step, const Module& module, const RowTags& tags, const Draw& draw,
                  report::BringupReport& report) {
  check_interrupt();
  const std::int64_t hidden = s.config().hidden_size;
  std::vector<float> values = random_values(kBatch * hidden, draw);
  // Behind a norm a module only ever sees normalised rows: the reference's norm makes them for both sides.
  if (module.norm_before != nullptr)
    values = module.norm_before->forward(activation_rows(*s.reference, values, hidden)).to_vector();
  std::vector<float> reference, device;
  const Tensor x_reference = activation_rows(*s.reference, values, hidden);
  const Tensor x_device = activation_rows(*s.model, values, hidden);
  const Recording recording =
      record([&] { reference = run(module, *s.reference, x_reference, step.reference_step).to_vector(); });
  double ms = 0;
  auto rows = check_ops(
      recording, [&] { device = run(module, *s.model, x_device, step.device_step).to_vector(); }, tags,
      s.thresholds);
  for (const auto& row : rows) ms += row.ms;
  report.ops.push_back(
      module_row(tags, module.path, module.name, s.thresholds.module, reference, device, ms));
  append(report.ops, std::move(rows));
}

// Small inputs are for norms: everything else is as good on them as on others.
bool wants(const Module& module, const std::string& input) {
  return input != "small" || module.name.ends_with("_norm");
}

void check_embedding(Session& s, report::BringupReport& report) {
  Rng rng(11);
  std::vector<std::int32_t> ids(kBatch);
  for (auto& id : ids)
    id = static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(s.config().vocab_size)));
  const auto rows_of = [&](const nn::CausalLm& model) {
    const Tensor tokens = to_device(model.device(), std::span<const std::int32_t>(ids),
                                    {Shape{1, kBatch}, DataType::INT32, Layout::ROW_MAJOR});
    return model.embed(tokens).to_vector();
  };
  const std::vector<float> reference = rows_of(*s.reference);
  const Stopwatch clock;
  const std::vector<float> device = rows_of(*s.model);
  report.ops.push_back(module_row({"modules", "decode", "normal"}, "embed_tokens", "embedding",
                                  s.thresholds.module, reference, device, clock.milliseconds()));
}

// What the module put in and gave out in the recorded run.
struct Captured {
  std::vector<float> input, output;
};

Captured captured(const Recording& r, const Module& module) {
  const auto inner = [&](const char* linear) { return module.path + "." + linear; };
  if (module.name == "attention") {
    return {find_record(r, inner("qkv_proj"), "linear").inputs[0].values,
            find_record(r, inner("o_proj"), "linear").outputs[0].values};
  }
  if (module.name == "mlp") {
    // The first of its ops has its input and the last one its output, whatever they are; a view has neither.
    const auto inside = [&](const OpRecord& record) {
      return !record.outputs.empty() &&
             (record.path == module.path || record.path.starts_with(module.path + "."));
    };
    const auto first = std::ranges::find_if(r, inside);
    check(first != r.end(), "bring-up: the reference ran nothing in {}", module.path);
    const auto last = std::find_if(r.rbegin(), r.rend(), inside);
    return {first->inputs[0].values, last->outputs[0].values};
  }
  if (module.name == "lm_head") {
    // Multipliers and soft-caps follow the linear.
    const auto last = std::ranges::find(r.rbegin(), r.rend(), module.path, &OpRecord::path);
    return {find_record(r, module.path, "linear").inputs[0].values, last->outputs[0].values};
  }
  const OpRecord& only = find_record(r, module.path, module.name);
  return {only.inputs[0].values, only.outputs[0].values};
}

void check_captured(Session& s, const DecodeScene& scene, const Module& module, const nn::Step& step,
                    report::BringupReport& report) {
  const Captured data = captured(scene.recording, module);
  const Tensor x = activation_rows(*s.model, data.input, s.config().hidden_size);
  const Stopwatch clock;
  const std::vector<float> output = run(module, *s.model, x, step).to_vector();
  report.ops.push_back(module_row({"modules", "decode", "captured"}, module.path, module.name,
                                  s.thresholds.module, data.output, output, clock.milliseconds()));
}

}  // namespace

void run_modules(Session& s, report::BringupReport& report) {
  const nn::KvCacheConfig config = s.reference->cache_config(kBatch, step_positions(s));
  RandomStep step(s, config);
  Rng rng(7);
  // As large as the root of the epsilon: only there does an epsilon matter, and a wrong one shows as a scale.
  const float small = std::sqrt(s.config().rms_norm_eps);
  const std::vector<std::pair<std::string, Draw>> inputs{{"normal", [&] { return rng.normal(); }},
                                                         {"heavy_tailed", [&] { return rng.heavy_tailed(); }},
                                                         {"small", [&] { return small * rng.normal(); }}};
  check_embedding(s, report);
  for (const auto& [input, draw] : inputs) {
    const RowTags tags{"modules", "decode", input};
    for (int i = 0; i < s.config().num_hidden_layers; ++i) {
      if (input != "small") step.fill(*s.reference, i, draw);
      for (const Module& module : layer_modules(*s.reference, i)) {
        if (wants(module, input)) check_random(s, step, module, tags, draw, report);
      }
    }
    for (const Module& module : outer_modules(*s.reference)) {
      if (wants(module, input)) check_random(s, step, module, tags, draw, report);
    }
  }

  const DecodeScene& scene = scene_of(s);
  nn::KvCache cache = scene.make_cache(*s.model);
  const nn::Step captured_step = s.model->decode_step(scene.at(s.model->device()), cache);
  for (int i = 0; i < s.config().num_hidden_layers; ++i) {
    for (const Module& module : layer_modules(*s.reference, i))
      check_captured(s, scene, module, captured_step, report);
  }
  for (const Module& module : outer_modules(*s.reference))
    check_captured(s, scene, module, captured_step, report);

  // Every op of the step on the reference's inputs, and on its own.
  nn::KvCache own = scene.make_cache(*s.model);
  auto ops = check_ops(
      scene.recording,
      [&] { s.model->decode(scene.ids(s.model->device()), scene.at(s.model->device()), own); },
      {"modules", "decode", "captured"}, s.thresholds);
  // A module that fails says where, the first op that fails in the run of the whole model says what.
  const report::OpResult* suspect = first_suspect(ops);
  const std::string first_op = suspect == nullptr ? "" : describe(*suspect);
  append(report.ops, std::move(ops));

  const Verdict verdict = judge(report.ops, "modules");
  std::string reason = verdict.first_failed == nullptr ? "" : describe(*verdict.first_failed);
  if (!first_op.empty() && first_op != reason) reason += "; first op in the run: " + first_op;
  conclude(report, 2, verdict.pass(),
           fmt::format("{} comparisons of modules and ops at batch {} (random, heavy-tailed, small and "
                       "captured activations), "
                       "{} failed; worst PCC {:.6f} ({})",
                       verdict.rows, kBatch, verdict.failed, verdict.worst_pcc, verdict.worst),
           reason);
}

}  // namespace tessera::verify
