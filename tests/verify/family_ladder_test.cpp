// The ladder on the families whose layers are not Llama's: every item passes, and what is easily mixed up is
// found.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <utility>

#include "family_run.hpp"
#include "io/temp_folder.hpp"
#include "verify/bringup.hpp"
#include "verify/mesh_ways.hpp"
#include "verify/phases.hpp"
#include "verify/session.hpp"

namespace tessera::verify {
namespace {

struct FamilyCase {
  const char* folder;
  const char* precision;
};

constexpr FamilyCase kCases[] = {
    {"falcon_7b", "accuracy"}, {"falcon_40b", "bf16"}, {"falcon_rw", "accuracy"},
    {"gpt2", "accuracy"},      {"mixtral", "bf16"},    {"gpt_neox_serial", "bf16"},
    {"qwen2_moe", "accuracy"}, {"qwen3_moe", "bf16"},  {"olmo2", "bf16"},
};

class FamilyLadder : public ::testing::TestWithParam<FamilyCase> {};

// Prefill = decode = chunked = paged = batched = traced, and two chips give one chip's texts.
TEST_P(FamilyLadder, EveryItemPasses) {
  const io::test::TempFolder temp;
  const io::test::ScopedEnvironment cache("XDG_CACHE_HOME", temp.path() / "cache");
  const auto folder = test::families() / GetParam().folder;
  BringupOptions options;
  options.model = folder.string();
  options.golden = (folder / "golden.safetensors").string();
  options.precision = GetParam().precision;
  options.tokens = 20;
  options.out = temp.path() / "report";
  const report::BringupReport report = run_bringup(options);
  ASSERT_EQ(report.checklist.size(), 10u);
  for (const report::ChecklistItem& item : report.checklist)
    EXPECT_EQ(item.status, report::Status::Pass) << item.item << " " << item.title << ": " << item.reason;
}

std::string name_of(const ::testing::TestParamInfo<FamilyCase>& info) {
  return info.param.folder;
}
INSTANTIATE_TEST_SUITE_P(All, FamilyLadder, ::testing::ValuesIn(kCases), name_of);

std::vector<std::string> names_of(const Ways& ways) {
  std::vector<std::string> names;
  for (const Way& way : ways.taken) names.push_back(verify::name_of(way, 4));
  names.emplace_back("left out:");
  for (const report::LeftOutWay& way : ways.left_out) names.push_back(way.name);
  return names;
}

// Heads that are normalised together stay together, rows of a LayerNorm stay whole.
TEST(MeshWays, FormsThatAFamilyDoesNotHaveAreLeftOut) {
  const auto ways = [](const char* folder, Engine engine = Engine::Fast) {
    return ways_of({2, 2}, test::open(test::families() / folder)->config(), engine);
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names_of(ways("llama")),
            (Names{"tensor parallel 4", "data parallel 2 x tensor parallel 2", "data parallel 4",
                   "tensor parallel 4, fractured", "tensor parallel 2x2", "left out:"}));
  EXPECT_EQ(names_of(ways("llama", Engine::Exact)),
            (Names{"tensor parallel 4", "data parallel 2 x tensor parallel 2", "data parallel 4",
                   "left out:", "tensor parallel 4, fractured", "tensor parallel 2x2"}));
  EXPECT_EQ(names_of(ways("falcon_7b")),
            (Names{"tensor parallel 4", "data parallel 2 x tensor parallel 2", "data parallel 4",
                   "left out:", "tensor parallel 4, fractured", "tensor parallel 2x2"}));
  EXPECT_EQ(names_of(ways("olmo2")),
            (Names{"tensor parallel 1x4", "data parallel 2 x tensor parallel 1x2", "data parallel 4",
                   "left out:", "tensor parallel 4", "data parallel 2 x tensor parallel 2",
                   "tensor parallel 4, fractured", "tensor parallel 2x2"}));
  EXPECT_EQ(ways("gpt2").left_out.front().reason,
            "the gpt2 family has LayerNorm, whose rows are not divided: use replicated");
}

// A family's checkpoint on both sides, the device's to be spoilt.
class FamilyFaults : public ::testing::Test {
 protected:
  nn::DecoderLayer& layer(const char* folder, std::size_t i) {
    session_ =
        open_session(test::open(test::families() / folder), {.precision = models::parse_precision("fp32")});
    return session_.model->layers[i];
  }
  // Whether the first module that fails, in the model's order, is this one, and an op of it fails too.
  void expect_found(const std::string& module, const std::string& op) {
    report::BringupReport report;
    run_modules(session_, report);
    const auto bad = std::ranges::find(report.ops, false, &report::OpResult::pass);
    ASSERT_NE(bad, report.ops.end());
    EXPECT_TRUE(bad->path.starts_with(module)) << bad->path;
    EXPECT_TRUE(std::ranges::any_of(
        report.ops, [&](const report::OpResult& r) { return !r.pass && r.path + " " + r.op == op; }))
        << bad->path << " " << bad->op << " is the first";
  }

  io::test::TempFolder temp_;
  io::test::ScopedEnvironment cache_{"XDG_CACHE_HOME", temp_.path()};
  Session session_;
};

TEST_F(FamilyFaults, NothingIsFoundInAGoodOne) {
  layer("mixtral", 0);
  report::BringupReport report;
  run_modules(session_, report);
  ASSERT_FALSE(report.ops.empty());
  EXPECT_TRUE(std::ranges::all_of(report.ops, &report::OpResult::pass));
}

TEST_F(FamilyFaults, ExpertsInAnotherOrder) {
  nn::Moe& moe = *layer("mixtral", 1).moe;
  std::swap(moe.down_proj[0], moe.down_proj[1]);
  expect_found("layers.1.mlp", "layers.1.mlp.experts sparse_matmul");
}

TEST_F(FamilyFaults, SharesThatDoNotSumToOne) {
  layer("qwen3_moe", 0).moe->norm_topk_prob = false;
  expect_found("layers.0.mlp", "layers.0.mlp.router topk");
}

TEST_F(FamilyFaults, AnotherLayersGateOnTheSharedExpert) {
  // Another layer's: as wide, and wrong.
  nn::Linear other = *layer("qwen2_moe", 1).moe->shared_expert_gate;
  session_.model->layers[2].moe->shared_expert_gate->weight = other.weight;
  expect_found("layers.2.mlp", "layers.2.mlp.shared_expert.shared_expert_gate linear");
}

TEST_F(FamilyFaults, HalfTheSlopesOfAlibi) {
  for (float& slope : layer("falcon_rw", 1).self_attn.alibi_slopes) slope /= 2;
  expect_found("layers.1.self_attn", "layers.1.self_attn paged_scaled_dot_product_attention_decode");
}

TEST_F(FamilyFaults, FeaturesThatTheDeviceAloneForgets) {
  using Layer = nn::DecoderLayer;
  struct Forgotten {
    const char* folder;
    const char* module;
    void (*forget)(Layer&);
  };
  constexpr std::array kForgotten{
      Forgotten{"qwen3", "layers.1.self_attn", [](Layer& l) { l.self_attn.q_norm.reset(); }},
      Forgotten{"gemma3_text", "layers.1.self_attn", [](Layer& l) { l.self_attn.k_norm.reset(); }},
      Forgotten{"mistral", "layers.1.self_attn", [](Layer& l) { l.self_attn.sliding_window /= 2; }},
      Forgotten{"gemma2", "layers.1.self_attn", [](Layer& l) { l.self_attn.softcap = 0; }},
  };
  for (const Forgotten& f : kForgotten) {
    f.forget(layer(f.folder, 1));
    report::BringupReport report;
    run_modules(session_, report);
    const auto bad = std::ranges::find(report.ops, false, &report::OpResult::pass);
    ASSERT_NE(bad, report.ops.end()) << f.folder;
    EXPECT_TRUE(bad->path.starts_with(f.module)) << f.folder << ": " << bad->path;
  }
}

TEST_F(FamilyFaults, TheScaleOfTheEmbedding) {
  layer("gemma2", 0);
  session_.model->config.embedding_multiplier = 1;
  report::BringupReport report;
  run_modules(session_, report);
  const auto bad = std::ranges::find(report.ops, false, &report::OpResult::pass);
  ASSERT_NE(bad, report.ops.end());
  EXPECT_EQ(bad->path, "embed_tokens");
}

TEST_F(FamilyFaults, OneAfterTheOtherInsteadOfSideBySide) {
  layer("falcon_40b", 1).parallel = false;
  report::BringupReport report;
  run_layers(session_, report);
  const auto bad = std::ranges::find(report.ops, false, &report::OpResult::pass);
  ASSERT_NE(bad, report.ops.end());
  EXPECT_EQ(bad->path, "layers.1");
}

}  // namespace
}  // namespace tessera::verify
