// Modules on the reference against the fast engine, in every dtype, and where observers see them.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "metrics/compare.hpp"
#include "ops/dispatch.hpp"
#include "support/tiny_model.hpp"
#include "util/error.hpp"
#include "util/rng.hpp"

namespace tessera::nn {
namespace {

using tessera::test::load_tiny;
using tessera::test::TinyFolder;
using tessera::test::TinyModel;

// A model with a cache of two users, one of whom has a past of 20 positions.
struct Side {
  TinyModel tiny;
  std::unique_ptr<KvCache> cache;

  Side(const io::Checkpoint& checkpoint, Engine engine, const std::string& precision)
      : tiny(load_tiny(checkpoint, engine, precision)),
        cache(std::make_unique<KvCache>(*tiny.device, tiny.model->cache_config(2, 64))) {
    for (int user = 0; user < 2; ++user) cache->reserve(user, 64);
    std::vector<std::int32_t> past(20);
    for (std::size_t i = 0; i < past.size(); ++i) past[i] = static_cast<std::int32_t>(400 + 31 * i);
    tiny.model->prefill(past, *cache, 1);
  }
  Tensor rows(const std::vector<float>& values) const {
    const auto n = static_cast<std::int64_t>(values.size()) / 64;
    return to_device(*tiny.device, std::span<const float>(values),
                     {Shape{1, 1, n, 64}, tiny.model->embed_tokens.activation, Layout::TILE});
  }
  Step decode_step(const std::vector<std::int32_t>& positions) const {
    return tiny.model->decode_step(to_device(*tiny.device, std::span<const std::int32_t>(positions),
                                             {Shape{2}, DataType::INT32, Layout::ROW_MAJOR}),
                                   *cache);
  }
};

std::vector<float> random_rows(std::size_t n) {
  Rng rng(n);
  std::vector<float> values(n * 64);
  for (float& value : values) value = rng.normal();
  return values;
}

struct Bar {
  const char* precision;
  double pcc;
};

class ModulesOn : public ::testing::TestWithParam<Bar> {
 protected:
  void expect_close(const Tensor& reference, const Tensor& device) const {
    EXPECT_EQ(reference.logical_shape(), device.logical_shape());
    const auto c = metrics::compare(reference.to_vector(), device.to_vector());
    EXPECT_TRUE(metrics::passes(c, GetParam().pcc)) << c.pcc << " " << c.remark();
  }
  TinyFolder files_;
  std::unique_ptr<io::Checkpoint> checkpoint_ = files_.open();
  Side reference_{*checkpoint_, Engine::Ref, "fp32"};
  Side fast_{*checkpoint_, Engine::Fast, GetParam().precision};
};

TEST_P(ModulesOn, MlpAndNorm) {
  const auto values = random_rows(5);
  for (std::size_t i = 0; i < 3; ++i) {
    const DecoderLayer &a = reference_.tiny.model->layers[i], &b = fast_.tiny.model->layers[i];
    expect_close(a.mlp.forward(reference_.rows(values)), b.mlp.forward(fast_.rows(values)));
    expect_close(a.attention_norm->forward(reference_.rows(values)),
                 b.attention_norm->forward(fast_.rows(values)));
  }
}

TEST_P(ModulesOn, AttentionAndLayerInDecode) {
  const auto values = random_rows(2);
  const Step a = reference_.decode_step({0, 20}), b = fast_.decode_step({0, 20});
  for (int i = 0; i < 3; ++i) {
    const auto at = static_cast<std::size_t>(i);
    expect_close(reference_.tiny.model->layers[at].self_attn.forward(reference_.rows(values), a),
                 fast_.tiny.model->layers[at].self_attn.forward(fast_.rows(values), b));
    expect_close(reference_.tiny.model->forward_layer(i, reference_.rows(values), a),
                 fast_.tiny.model->forward_layer(i, fast_.rows(values), b));
  }
}

TEST_P(ModulesOn, AttentionAndLayerInPrefillAndInALaterChunk) {
  for (const std::int64_t start : {0, 32}) {
    const auto values = random_rows(17);
    const Step a = reference_.tiny.model->prefill_step(17, *reference_.cache, 0, start);
    const Step b = fast_.tiny.model->prefill_step(17, *fast_.cache, 0, start);
    if (start > 0) {  // the chunk before it
      std::vector<std::int32_t> ids(32, 500);
      reference_.tiny.model->prefill(ids, *reference_.cache, 0);
      fast_.tiny.model->prefill(ids, *fast_.cache, 0);
    }
    expect_close(reference_.tiny.model->layers[1].self_attn.forward(reference_.rows(values), a),
                 fast_.tiny.model->layers[1].self_attn.forward(fast_.rows(values), b));
    expect_close(reference_.tiny.model->forward_layer(2, reference_.rows(values), a),
                 fast_.tiny.model->forward_layer(2, fast_.rows(values), b));
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, ModulesOn,
                         ::testing::Values(Bar{"fp32", 0.999999}, Bar{"bf16", 0.9998}, Bar{"accuracy", 0.999},
                                           Bar{"performance", 0.97}),
                         [](const auto& instance) { return std::string(instance.param.precision); });

class Paths final : public OpObserver {
 public:
  void after(const OpEvent& event) override {
    const std::string entry = event.path + " " + std::string(event.op.name());
    if (event.op.name() != "reshape") seen.push_back(entry);
  }
  std::vector<std::string> seen;
};

TEST(ModulePaths, AreWhatHuggingFaceCallsThem) {
  const TinyFolder files;
  Side side(*files.open(), Engine::Fast, "accuracy");
  Paths paths;
  {
    const ObserverScope scope(paths);
    const std::vector<std::int32_t> ids{400, 500}, positions{0, 20};
    side.tiny.model->decode(to_device(*side.tiny.device, std::span<const std::int32_t>(ids),
                                      {Shape{1, 2}, DataType::INT32, Layout::ROW_MAJOR}),
                            to_device(*side.tiny.device, std::span<const std::int32_t>(positions),
                                      {Shape{2}, DataType::INT32, Layout::ROW_MAJOR}),
                            *side.cache);
  }
  const auto& seen = paths.seen;
  const auto position = [&](const std::string& entry) {
    const auto it = std::ranges::find(seen, entry);
    EXPECT_NE(it, seen.end()) << entry;
    return it - seen.begin();
  };
  const std::vector<std::string> order{"embed_tokens embedding",
                                       "layers.0.input_layernorm rms_norm",
                                       "layers.0.self_attn.qkv_proj linear",
                                       "layers.0.self_attn nlp_create_qkv_heads_decode",
                                       "layers.0.self_attn rotary_embedding",
                                       "layers.0.self_attn paged_update_cache",
                                       "layers.0.self_attn paged_scaled_dot_product_attention_decode",
                                       "layers.0.self_attn nlp_concat_heads_decode",
                                       "layers.0.self_attn.o_proj linear",
                                       "layers.0 add",
                                       "layers.0.post_attention_layernorm rms_norm",
                                       "layers.0.mlp.gate_proj linear",
                                       "layers.0.mlp.up_proj linear",
                                       "layers.0.mlp multiply",
                                       "layers.0.mlp.down_proj linear",
                                       "layers.2.mlp.down_proj linear",
                                       "norm rms_norm",
                                       "lm_head linear"};
  for (std::size_t i = 1; i < order.size(); ++i)
    EXPECT_LT(position(order[i - 1]), position(order[i])) << order[i];
  EXPECT_EQ(module_path(), "");
}

TEST(ModulePaths, ErrorsSayWhere) {
  const TinyFolder files;
  Side side(*files.open(), Engine::Fast, "accuracy");
  side.tiny.model->layers[1].mlp.down_proj.weight = side.tiny.model->layers[1].mlp.up_proj.weight;
  const Step step = side.decode_step({0, 20});
  try {
    side.tiny.model->forward_layer(1, side.rows(random_rows(2)), step);
    FAIL() << "multiplied what does not fit";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("(in layers.1.mlp.down_proj)"), std::string::npos)
        << error.what();
  }
  EXPECT_EQ(module_path(), "");
}

TEST(Prefill, RefusesChunksWithoutPagesAndTooLongPrompts) {
  const TinyFolder files;
  const auto tiny = load_tiny(*files.open(), Engine::Fast, "accuracy");
  KvCacheConfig flat = tiny.model->cache_config(1, 64);
  flat.block_size = 0;
  KvCache cache(*tiny.device, flat);
  const std::vector<std::int32_t> ids(32, 500);
  EXPECT_THROW(tiny.model->prefill(ids, cache, 0, 32), UserError);
  EXPECT_THROW(tiny.model->prefill({}, cache, 0), UserError);
  const std::vector<std::int32_t> many(257, 500);
  EXPECT_THROW(tiny.model->prefill(many, cache, 0), UserError);
}

}  // namespace
}  // namespace tessera::nn
