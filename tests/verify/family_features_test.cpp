// Each feature of a family's configuration counts: with one key changed the reference engine leaves its
// golden by far more than the bound that families_test holds it to.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "family_run.hpp"
#include "io/temp_folder.hpp"
#include "util/file.hpp"

namespace tessera::verify {
namespace {

struct Change {
  const char* folder;
  const char* patch;  // laid over config.json; null removes a key
};

constexpr Change kChanges[] = {
    {"llama", R"({"rope_theta": 10000.0})"},
    {"llama", R"({"rms_norm_eps": 1e-3})"},
    {"llama_linear", R"({"rope_scaling": null})"},
    {"llama_llama3", R"({"rope_scaling": null})"},
    {"llama_llama3", R"({"rope_scaling": {"factor": 4.0}})"},
    {"llama_yarn", R"({"rope_parameters": {"factor": 2.0}})"},
    {"mistral", R"({"sliding_window": null})"},
    {"mistral", R"({"sliding_window": 20})"},
    {"qwen2_yarn", R"({"max_window_layers": 3})"},
    {"qwen2_yarn", R"({"sliding_window": 14})"},
    {"gemma2", R"({"attn_logit_softcapping": null})"},
    {"gemma2", R"({"final_logit_softcapping": null})"},
    {"gemma2", R"({"query_pre_attn_scalar": 32})"},
    {"gemma2", R"({"sliding_window": 20})"},
    {"gemma3_text", R"({"rope_local_base_freq": 1000000.0})"},
    {"gemma3_text", R"({"sliding_window": 20})"},
    {"gemma3_new", R"({"rope_parameters": {"full_attention": {"factor": 4.0}}})"},
    {"gemma3_new", R"({"query_pre_attn_scalar": 16})"},
    {"smollm3", R"({"no_rope_layers": [1, 1, 1, 1]})"},
    {"phi3", R"({"original_max_position_embeddings": 256})"},
    {"phi3_window", R"({"sliding_window": 20})"},
    {"granite", R"({"embedding_multiplier": 1.0})"},
    {"granite", R"({"attention_multiplier": 0.125})"},
    {"granite", R"({"residual_multiplier": 1.0})"},
    {"granite", R"({"logits_scaling": 1.0})"},
    {"falcon_7b", R"({"layer_norm_epsilon": 1e-2})"},
    {"falcon_40b", R"({"rope_theta": 100.0})"},
    {"falcon_rw", R"({"alibi": false})"},
    {"gpt2", R"({"scale_attn_weights": false})"},
    {"gpt_neox_serial", R"({"use_parallel_residual": true})"},
    {"mixtral", R"({"num_experts_per_tok": 1})"},
    {"qwen2_moe", R"({"norm_topk_prob": true})"},
    {"qwen3_moe", R"({"norm_topk_prob": false})"},
    {"qwen3_moe", R"({"num_experts_per_tok": 2})"},
};

class FamilyFeatures : public ::testing::TestWithParam<Change> {};

TEST_P(FamilyFeatures, AChangedKeyLeavesTheGolden) {
  const auto folder = test::families() / GetParam().folder;
  const io::Golden golden = io::read_golden(folder / "golden.safetensors");
  const io::test::TempFolder temp;
  for (const char* name : {"model.safetensors", "tokenizer.json"}) {
    std::filesystem::copy_file(folder / name, temp.path() / name);
  }
  auto config = nlohmann::json::parse(read_text_file(folder / "config.json"));
  config.merge_patch(nlohmann::json::parse(GetParam().patch));
  temp.write("config.json", config.dump());
  const test::Loaded loaded = test::load(temp.path(), golden, Engine::Ref, "fp32");
  for (const ForcedRun& run : test::both_ways(*loaded.model, golden))
    EXPECT_GT(test::worst_error(golden, run), 1e-2);
}

INSTANTIATE_TEST_SUITE_P(All, FamilyFeatures, ::testing::ValuesIn(kChanges));

}  // namespace
}  // namespace tessera::verify
