// From a checkpoint to logits: every file form of the same weights, every shape, and what is refused.
#include <gtest/gtest.h>

#include <algorithm>

#include "generate/generator.hpp"
#include "metrics/compare.hpp"
#include "models/inspect.hpp"
#include "models/registry.hpp"
#include "support/tiny_model.hpp"
#include "util/error.hpp"

namespace tessera::models {
namespace {

using tessera::test::load_tiny;
using tessera::test::odd_options;
using tessera::test::tiny_weights;
using tessera::test::TinyFolder;
using tessera::test::TinyOptions;
using tessera::test::TinyTensor;
using tessera::test::write_tiny_folder;

const std::vector<std::int32_t> kPrompt{400, 17, 999, 1200, 333, 42, 801};

std::vector<float> logits(const io::Checkpoint& checkpoint, Engine engine = Engine::Ref,
                          const std::string& precision = "fp32") {
  const auto tiny = load_tiny(checkpoint, engine, precision);
  generate::Generator generator(*tiny.model, {.users = 1});
  return tiny.model->logits(generator.prefill_hidden(kPrompt)).to_vector();
}

void expect_refused(const io::Checkpoint& checkpoint, const std::string& part) {
  try {
    load_tiny(checkpoint, Engine::Ref, "fp32");
    ADD_FAILURE() << "loaded: " << part;
  } catch (const UserError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos);
  }
}

TEST(Llama, FolderAndGgufOfTheSameWeightsGiveTheSameLogits) {
  for (TinyOptions options : {TinyOptions{}, odd_options()}) {
    for (const char* dtype : {"F32", "BF16", "F16"}) {
      options.dtype = dtype;
      const TinyFolder files(options);
      const auto gguf = models::open_checkpoint(files.write_gguf(options));
      EXPECT_EQ(gguf->config().rope_form, io::RopeForm::Pairs);
      const auto a = logits(*files.open()), b = logits(*gguf);
      // Another order of the channels of a head is another order of its sums.
      const auto c = metrics::compare(a, b);
      EXPECT_LT(c.rel_l2, 2e-6) << dtype << " " << options.hidden;
      EXPECT_GT(c.reference_rms, 0.1);
    }
  }
}

TEST(Llama, ShardsMakeNoDifference) {
  TinyOptions options;
  const TinyFolder whole(options);
  options.shards = 4;
  const TinyFolder parts(options);
  EXPECT_TRUE(std::filesystem::exists(parts.path() / "model-00004-of-00004.safetensors"));
  EXPECT_EQ(logits(*whole.open()), logits(*parts.open()));
}

TEST(Llama, TiedHeadIsTheEmbedding) {
  TinyOptions options;
  options.tied = true;
  const TinyFolder tied(options);
  const auto checkpoint = tied.open();
  EXPECT_EQ(checkpoint->find("lm_head.weight"), nullptr);
  // The same with the head written out, and with one that transformers would not read either.
  auto weights = tiny_weights(options);
  weights.push_back({"lm_head.weight", weights[0].shape, weights[0].values});
  const TinyFolder spare;
  write_tiny_folder(spare.path(), options, weights);
  EXPECT_EQ(logits(*spare.open()), logits(*checkpoint));
  options.tied = false;
  write_tiny_folder(spare.path(), options, weights);
  EXPECT_EQ(logits(*spare.open()), logits(*checkpoint));
  for (float& value : weights.back().values) value = -value;
  write_tiny_folder(spare.path(), options, weights);
  auto negative = logits(*spare.open());
  for (float& value : negative) value = -value;
  EXPECT_EQ(negative, logits(*checkpoint));
}

TEST(Llama, EachOptionChangesTheLogits) {
  const TinyFolder plain(odd_options());
  const auto base = logits(*plain.open());
  const auto differs = [&](auto change) {
    TinyOptions options = odd_options();
    change(options);
    const TinyFolder other;
    // The same weights; only what the configuration says of them changes.
    auto weights = tiny_weights(odd_options());
    if (!options.attention_bias || !options.mlp_bias) {
      std::erase_if(weights, [&](const TinyTensor& t) {
        const bool mlp = t.name.find("mlp") != std::string::npos;
        return t.name.ends_with(".bias") && (mlp ? !options.mlp_bias : !options.attention_bias);
      });
    }
    write_tiny_folder(other.path(), options, weights);
    return logits(*other.open()) != base;
  };
  EXPECT_TRUE(differs([](auto& o) { o.llama3_rope = false; }));
  EXPECT_TRUE(differs([](auto& o) { o.attention_bias = false; }));
  EXPECT_TRUE(differs([](auto& o) { o.mlp_bias = false; }));
  EXPECT_TRUE(differs([](auto& o) { o.rms_norm_eps = 1e-3f; }));
  EXPECT_TRUE(differs([](auto& o) { o.config_patch = R"({"rope_theta": 500000.0})"; }));
  EXPECT_TRUE(differs([](auto& o) {
    o.llama3_rope = false;
    o.config_patch = R"({"rope_scaling": {"type": "linear", "factor": 2.0}})";
  }));
  EXPECT_FALSE(differs([](auto& o) { o.config_patch = R"({"sliding_window": null, "logit_scale": 1.0})"; }));
}

TEST(Llama, FastIsCloseToRefInEveryPrecision) {
  for (const TinyOptions& options : {TinyOptions{}, odd_options()}) {
    const TinyFolder files(options);
    const auto reference = logits(*files.open());
    const std::vector<std::pair<const char*, double>> bars{
        {"fp32", 0.9999999}, {"bf16", 0.9998}, {"accuracy", 0.999}, {"performance", 0.97}};
    double last = 1;
    for (const auto& [precision, bar] : bars) {
      const auto c = metrics::compare(reference, logits(*files.open(), Engine::Fast, precision));
      EXPECT_TRUE(metrics::passes(c, bar)) << precision << ": " << c.pcc;
      EXPECT_LT(c.pcc, last) << precision;
      last = c.pcc;
    }
  }
}

TEST(Llama, WrongTensorsAreNamed) {
  const TinyFolder files;
  const auto with = [&](auto change) {
    auto weights = tiny_weights({});
    change(weights);
    write_tiny_folder(files.path(), {}, weights);
    return files.open();
  };
  const auto at = [](auto& weights, const std::string& name) {
    return std::ranges::find(weights, name, &TinyTensor::name);
  };
  expect_refused(*with([&](auto& w) { w.erase(at(w, "model.layers.1.mlp.up_proj.weight")); }),
                 "tensor model.layers.1.mlp.up_proj.weight is missing");
  expect_refused(*with([&](auto& w) { w.erase(at(w, "lm_head.weight")); }),
                 "tensor lm_head.weight is missing");
  expect_refused(
      *with([&](auto& w) { at(w, "model.layers.2.self_attn.k_proj.weight")->shape = {64, 32}; }),
      "tensor model.layers.2.self_attn.k_proj.weight is [64, 32], the configuration says [32, 64]");
  expect_refused(*with([&](auto& w) { at(w, "model.norm.weight")->shape = {8, 8}; }),
                 "model.norm.weight is [8, 8]");
  expect_refused(*with([](auto& w) {
    w.push_back({"model.layers.0.self_attn.q_norm.weight", {16}, std::vector<float>(16, 1.0f)});
  }),
                 "tensor model.layers.0.self_attn.q_norm.weight is no part of LlamaForCausalLM");
  expect_refused(*with([](auto& w) {
    w.push_back({"model.layers.0.self_attn.q_proj.bias", {64}, std::vector<float>(64, 1.0f)});
  }),
                 "q_proj.bias is no part of");
  const auto table = with([](auto& w) {
    w.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", {8}, std::vector<float>(8, 1.0f)});
  });
  EXPECT_EQ(logits(*table).size(), kPrompt.size() * 1504);
}

TEST(Llama, MissingBiasIsNamed) {
  TinyOptions options;
  const auto weights = tiny_weights(options);
  options.attention_bias = true;
  const TinyFolder files;
  write_tiny_folder(files.path(), options, weights);
  expect_refused(*files.open(), "self_attn.q_proj.bias is missing");
}

TEST(Llama, ConfigurationsThatItDoesNotDoAreRefusedByKey) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {R"({"hidden_act": "gelu"})", "hidden_act \"gelu\""},
      {R"({"num_key_value_heads": 3})", "4 attention heads over 3 key-value heads"},
      {R"({"head_dim": 15})", "head_dim 15"},
      {R"({"rope_scaling": {"rope_type": "spiral", "factor": 4.0}})", "\"spiral\""},
      {R"({"rope_scaling": {"rope_type": "linear", "factor": 4.0, "slope": 2}})", "rope_scaling.slope"},
      {R"({"made_up_by_a_stranger": 3})", "made_up_by_a_stranger"},
      {R"({"partial_rotary_factor": 0.5})", "partial_rotary_factor 0.5"},
      {R"({"sliding_window": 64})", "sliding_window"},
      {R"({"attn_logit_softcapping": 50.0})", "attn_logit_softcapping"},
      {R"({"embedding_multiplier": 12.0})", "embedding_multiplier"},
      {R"({"logits_scaling": 8.0, "residual_multiplier": 0.22})", "logits_scaling, residual_multiplier"},
      {R"({"num_local_experts": 8})", "num_local_experts"},
      {R"({"quantization_config": {"quant_method": "gptq"}})", "quantization_config"},
      {R"({"architectures": ["MambaForCausalLM"]})",
       "\"MambaForCausalLM\" is not supported: known are LlamaForCausalLM"},
  };
  for (const auto& [patch, part] : cases) {
    TinyOptions options;
    options.config_patch = patch;
    const TinyFolder files(options);
    expect_refused(*files.open(), part);
  }
}

TEST(Llama, KeysThatSayOffAreNoObstacle) {
  TinyOptions options;
  options.config_patch =
      R"({"sliding_window": 64, "use_sliding_window": false, "num_experts": 0, "alibi": false,
                             "embedding_multiplier": 1.0, "quantization_config": null, "attention_dropout": 0.1})";
  const TinyFolder files(options);
  EXPECT_TRUE(files.open()->config().other_arithmetic.empty());
  options.config_patch = R"({"sliding_window": 4096})";  // longer than the context
  write_tiny_folder(files.path(), options);
  EXPECT_TRUE(files.open()->config().other_arithmetic.empty());
}

TEST(Registry, NamesAreUniqueAndFound) {
  for (const Architecture* architecture : architectures()) {
    EXPECT_EQ(&find_architecture(architecture->name()), architecture);
    EXPECT_FALSE(architecture->family.empty());
  }
  EXPECT_THROW(find_architecture(""), UserError);
}

TEST(MetaModel, HasTheShapesAndBytesOfTheRealOne) {
  const TinyFolder files(odd_options());
  const auto checkpoint = files.open();
  const auto real = load_tiny(*checkpoint, Engine::Fast, "accuracy");
  const auto device = Device::open("cpu", Engine::Meta);
  const auto meta =
      load_meta_model(*device, checkpoint->config(), {.precision = parse_precision("accuracy")});
  EXPECT_EQ(device->allocated_bytes(), real.device->allocated_bytes());
  EXPECT_EQ(meta->layers[1].self_attn.qkv_proj.weight.spec(),
            real.model->layers[1].self_attn.qkv_proj.weight.spec());
  EXPECT_THROW(load_meta_model(*real.device, checkpoint->config(), {}), UserError);
}

TEST(LoadModel, RefusesThePrecisionOfALayerThatIsNotThere) {
  const TinyFolder files;  // three layers
  const auto checkpoint = files.open();
  const auto device = Device::open("cpu", Engine::Fast), meta = Device::open("cpu", Engine::Meta);
  LoadOptions options{.precision = parse_precision("accuracy"), .use_weight_cache = false};
  options.precision.overrides[3] = {};
  EXPECT_THROW(load_model(*device, *checkpoint, options), UserError);
  EXPECT_THROW(load_meta_model(*meta, checkpoint->config(), options), UserError);
  EXPECT_THROW(inspect(*checkpoint, files.path(), {.precision = options.precision}), UserError);
}

TEST(LoadModel, SequenceLimit) {
  const TinyFolder files;
  const auto device = Device::open("cpu", Engine::Ref);
  const auto limit = [&](int max_seq) {
    return load_model(*device, *files.open(), {.precision = parse_precision("fp32"), .max_seq = max_seq})
        ->max_seq;
  };
  EXPECT_EQ(limit(0), 256);
  EXPECT_EQ(limit(100), 100);
  EXPECT_EQ(limit(1000), 256);
}

}  // namespace
}  // namespace tessera::models
