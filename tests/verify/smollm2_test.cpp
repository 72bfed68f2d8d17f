// The real model against Hugging Face's figures: the measures of the bring-up as assertions. Fetches
// smollm2-135m where it is not there yet and fails when that fails.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "generate/generate_text.hpp"
#include "io/catalogue.hpp"
#include "io/golden.hpp"
#include "ladder.hpp"
#include "verify/bringup.hpp"
#include "verify/equivalence.hpp"

namespace tessera::verify {
namespace {

constexpr const char* kModel = "smollm2-135m";
constexpr const char* kGolden = TESSERA_TEST_DATA "/golden/smollm2-135m.safetensors";

class SmolLm2 : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { io::pull(kModel); }

  static Session open(const std::string& precision) {
    return open_session(models::open_checkpoint(io::resolve_model(kModel)),
                        {.precision = models::parse_precision(precision)});
  }
  static report::BringupReport bring_up(const std::string& precision, std::vector<int> phases) {
    const io::test::TempFolder out;
    BringupOptions options;
    options.model = kModel;
    options.precision = precision;
    options.phases = std::move(phases);
    options.golden = kGolden;
    options.out = out.path();
    return run_bringup(options);
  }
};

TEST_F(SmolLm2, TheLadderPassesWithBfloat8Weights) {
  const auto report = bring_up("accuracy", {});
  for (int i = 1; i <= 9; ++i)
    EXPECT_EQ(test::item(report, i).status, report::Status::Pass)
        << i << ": " << test::item(report, i).reason;
  for (const auto& row : report.ops) {
    const bool layer = row.op == "decoder_layer" || row.op == "stack";
    EXPECT_GE(row.pcc, row.op == "model" ? 0.99 : layer ? 0.998 : 0.999) << row.path << " " << row.op;
  }
  EXPECT_EQ(report.layers.size(), 60u);
  for (const auto& layer : report.layers) EXPECT_GE(layer.pcc, 0.998) << layer.mode << " " << layer.layer;
  ASSERT_EQ(report.accuracy.size(), 2u);
  EXPECT_EQ(report.accuracy[0].tokens, 100);
  EXPECT_EQ(report.accuracy[1].tokens, 400);
  for (const auto& accuracy : report.accuracy) {
    EXPECT_GE(accuracy.top1, 95.0) << accuracy.text;
    EXPECT_GE(accuracy.top5, 99.5) << accuracy.text;
    EXPECT_GE(accuracy.final_pcc, 0.99) << accuracy.text;
  }
}

TEST_F(SmolLm2, BFloat16WeightsAreCloser) {
  const auto report = bring_up("bf16", {4});
  for (const auto& accuracy : report.accuracy) {
    EXPECT_GE(accuracy.top1, 96.5) << accuracy.text;
    EXPECT_GE(accuracy.top5, 99.5) << accuracy.text;
  }
}

// The reference engine writes what transformers writes, token for token.
TEST_F(SmolLm2, FivePromptsAreContinuedAsTransformersDoes) {
  const io::Golden golden = io::read_golden(kGolden);
  ASSERT_EQ(golden.greedy.size(), 5u);
  const Session s = open("accuracy");
  EXPECT_EQ(golden.content_hash, s.checkpoint->content_hash());
  std::vector<generate::Request> requests;
  for (const auto& greedy : golden.greedy) {
    ASSERT_EQ(greedy.ids.size(), 64u);
    requests.push_back({.prompt = greedy.prompt_ids, .max_new_tokens = 64});
  }
  generate::Generator generator(*s.reference, {.users = 5, .context = s.context});
  const auto results = generate::generate(generator, requests);
  for (std::size_t p = 0; p < 5; ++p) {
    EXPECT_EQ(results[p].tokens, golden.greedy[p].ids) << golden.prompts[p];
    EXPECT_EQ(s.tokenizer->decode(results[p].tokens), s.tokenizer->decode(golden.greedy[p].ids));
    EXPECT_EQ(s.tokenizer->encode(golden.prompts[p]), golden.greedy[p].prompt_ids);
  }
}

TEST_F(SmolLm2, ThirtyTwoUsersWriteWhatEachWritesAlone) {
  const Session s = open("accuracy");
  const auto text = s.forced_tokens(400);
  std::vector<generate::Request> requests;
  for (std::size_t u = 0; u < 32; ++u) {
    const auto begin = text.begin() + static_cast<std::ptrdiff_t>(u * 7);
    requests.push_back(
        {.prompt = {begin, begin + static_cast<std::ptrdiff_t>(2 + (u * 19) % 101)}, .max_new_tokens = 24});
  }
  generate::Generator together(*s.model, {.users = 32, .context = 160, .page_seed = 3, .poison_cache = true});
  const auto results = generate::generate(together, requests);
  generate::Generator alone(*s.model, {.users = 1, .context = 160, .poison_cache = true});
  for (std::size_t u = 0; u < 32; ++u) {
    EXPECT_EQ(results[u].tokens, generate::generate(alone, std::span(&requests[u], 1))[0].tokens) << u;
  }
}

// Faults in the real model, where one tile or one layer is a small part of the whole.
TEST_F(SmolLm2, PlantedFaultsAreNamed) {
  Session s = open("accuracy");
  nn::DecoderLayer& layer = s.model->layers[17];
  const nn::DecoderLayer good = layer;
  const auto reason = [&] {
    report::BringupReport report;
    run_modules(s, report);
    EXPECT_EQ(test::item(report, 2).status, report::Status::Fail);
    return test::item(report, 2).reason;
  };
  layer.mlp_norm->epsilon *= 10;
  EXPECT_NE(reason().find("layers.17.post_attention_layernorm: rms_norm"), std::string::npos);
  layer = good;
  std::swap(layer.mlp.gate_proj->weight, layer.mlp.up_proj.weight);
  EXPECT_NE(reason().find("layers.17.mlp: mlp"), std::string::npos);
  layer = good;
  Tensor& head = s.model->lm_head.weight;
  std::vector<float> values = head.to_vector();
  const auto width = static_cast<std::size_t>(head.logical_shape()[-1]);
  for (std::size_t r = 0; r < 32; ++r) {
    for (std::size_t c = 0; c < r; ++c) std::swap(values[r * width + 9600 + c], values[c * width + 9600 + r]);
  }
  head =
      to_device(*s.device, std::span<const float>(values), head.spec(), head.memory_config()).set_constant();
  const std::string text = reason();
  EXPECT_NE(text.find("lm_head: linear"), std::string::npos) << text;
  EXPECT_NE(text.find("columns 9600 to 9631 off by"), std::string::npos) << text;
}

}  // namespace
}  // namespace tessera::verify
