// Each feature of a family counts: what a read() or a build() may forget or mix up makes the reference leave
// the family's golden, by prefill and by decode steps, and item 1 of the ladder says so.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "families.hpp"
#include "family_run.hpp"
#include "ladder.hpp"
#include "models/registry.hpp"
#include "models/weight_sources.hpp"
#include "verify/phases.hpp"

namespace tessera::verify {
namespace {

using Config = io::ModelConfig;
using Model = nn::CausalLm;
using Layer = nn::DecoderLayer;
/// Done to what read() gives, to what build() gives, or to each of its layers.
using Forget = std::variant<void (*)(Config&), void (*)(Model&), void (*)(Layer&)>;

struct Mutation {
  const char* folder;
  const char* what;
  Forget forget;
  double least = 1e-2;  // error against the golden; families_test allows 5e-5
};

// Another form of GELU is that close.
constexpr double kOtherGelu = 1e-4;

const Mutation kMutations[] = {
    {"llama", "positions", [](Layer& l) { l.self_attn.rope = nn::RopeUse::None; }},
    {"llama", "pairs of channels", [](Config& c) { c.rope_form = io::RopeForm::Pairs; }},
    {"llama", "the norm before attention", [](Layer& l) { l.attention_norm.reset(); }},
    {"llama", "the norm before the MLP", [](Layer& l) { l.mlp_norm.reset(); }},
    {"llama", "gate and up swapped",
     [](Layer& l) { std::swap(l.mlp.gate_proj->weight, l.mlp.up_proj.weight); }},
    {"llama", "the head of its own", [](Config& c) { c.tie_word_embeddings = true; }},
    {"llama", "one layer", [](Model& m) { m.layers[1] = m.layers[0]; }},
    {"llama_linear", "scaled positions", [](Config& c) { c.rope_scaling = {}; }},
    {"llama_dynamic", "scaled positions", [](Config& c) { c.rope_scaling = {}; }},
    {"llama_llama3", "scaled positions", [](Config& c) { c.rope_scaling = {}; }},
    {"llama_llama3", "high frequencies", [](Config& c) { c.rope_scaling.high_freq_factor = 64; }},
    {"llama_llama3", "low frequencies", [](Config& c) { c.rope_scaling.low_freq_factor = 3.9f; }},
    {"llama_yarn", "scaled positions", [](Config& c) { c.rope_scaling = {}; }},
    {"llama_yarn", "the factor of the scores", [](Config& c) { c.rope_scaling.attention_factor = 1; }},
    {"llama_yarn", "the ramp", [](Config& c) { c.rope_scaling.beta_slow = 0.25f; }},

    {"mistral", "the window", [](Layer& l) { l.self_attn.sliding_window = 0; }},
    {"mistral", "half the window", [](Layer& l) { l.self_attn.sliding_window /= 2; }},
    {"mistral", "one key of the window", [](Layer& l) { --l.self_attn.sliding_window; }, 1e-3},
    {"mistral", "one key too many", [](Layer& l) { ++l.self_attn.sliding_window; }, 1e-3},
    {"mistral_nemo", "the size of a head", [](Layer& l) { l.self_attn.scale = 0.29f; }},

    {"qwen2", "biases of q, k and v", [](Layer& l) { l.self_attn.qkv_proj.bias.reset(); }},
    {"qwen2_yarn", "the layer without a window", [](Model& m) { m.layers[0].self_attn.sliding_window = 28; }},
    {"qwen2_yarn", "the window", [](Layer& l) { l.self_attn.sliding_window = 0; }},
    {"qwen2_yarn", "scaled positions", [](Config& c) { c.rope_scaling = {}; }},
    {"qwen3", "the norm of queries", [](Layer& l) { l.self_attn.q_norm.reset(); }},
    {"qwen3", "the norm of keys", [](Layer& l) { l.self_attn.k_norm.reset(); }},
    {"qwen3", "norms swapped", [](Layer& l) { std::swap(l.self_attn.q_norm, l.self_attn.k_norm); }},

    {"gemma2", "1 + w", [](Config& c) { c.norm_offset = 0; }},
    {"gemma2", "the scale of the embedding", [](Config& c) { c.embedding_multiplier = 1; }},
    {"gemma2", "the cap of the scores", [](Layer& l) { l.self_attn.softcap = 0; }},
    {"gemma2", "the cap of the logits", [](Config& c) { c.final_softcap = 0; }},
    {"gemma2", "the scale of the scores", [](Layer& l) { l.self_attn.scale = 0.29f; }},
    {"gemma2", "half the window", [](Layer& l) { l.self_attn.sliding_window /= 2; }},
    {"gemma2", "which layers have it", [](Config& c) { std::ranges::reverse(c.sliding_windows); }},
    {"gemma2", "the norm before attention", [](Layer& l) { l.attention_norm.reset(); }},
    {"gemma2", "the norm after attention", [](Layer& l) { l.attention_output_norm.reset(); }},
    {"gemma2", "the norm before the MLP", [](Layer& l) { l.mlp_norm.reset(); }},
    {"gemma2", "the norm after the MLP", [](Layer& l) { l.mlp_output_norm.reset(); }},
    {"gemma2", "the tanh form of GELU", [](Layer& l) { l.mlp.activation = Activation::Gelu; }, kOtherGelu},
    {"gemma3_text", "1 + w", [](Config& c) { c.norm_offset = 0; }},
    {"gemma3_text", "the scale of the embedding", [](Config& c) { c.embedding_multiplier = 1; }},
    {"gemma3_text", "the norm of queries", [](Layer& l) { l.self_attn.q_norm.reset(); }},
    {"gemma3_text", "the norm of keys", [](Layer& l) { l.self_attn.k_norm.reset(); }},
    {"gemma3_text", "the windows' own rotation", [](Layer& l) { l.self_attn.rope = nn::RopeUse::Main; }},
    {"gemma3_text", "the window", [](Layer& l) { l.self_attn.sliding_window = 0; }},
    {"gemma3_text", "half the window", [](Layer& l) { l.self_attn.sliding_window /= 2; }},
    {"gemma3_text", "the layer without a window",
     [](Model& m) { m.layers[5].self_attn.sliding_window = 40; }},
    {"gemma3_text", "the norm after attention", [](Layer& l) { l.attention_output_norm.reset(); }},
    {"gemma3_text", "the norm after the MLP", [](Layer& l) { l.mlp_output_norm.reset(); }},
    {"gemma3_new", "scaled positions", [](Config& c) { c.rope_scaling = {}; }},
    {"gemma3_new", "... of the other layers only",
     [](Config& c) { c.sliding_rope->scaling = c.rope_scaling; }},
    {"gemma3_new", "the scale of the scores", [](Config& c) { c.attention_scale = 0; }},

    {"smollm3", "the layer without rotation", [](Layer& l) { l.self_attn.rope = nn::RopeUse::Main; }},
    {"smollm3", "which layer it is", [](Config& c) { c.no_rope = {true, false, false, false}; }},
    {"phi3", "long factors", [](Config& c) { c.rope_scaling.long_factor = c.rope_scaling.short_factor; }},
    {"phi3", "the factor of the scores", [](Config& c) { c.rope_scaling.attention_factor = 1; }},
    {"phi3", "rows of q, k and v", [](Config& c) { c.fused_rows = io::FusedRows::ByGroup; }},
    {"phi3", "gate before up", [](Layer& l) { std::swap(l.mlp.gate_proj->weight, l.mlp.up_proj.weight); }},
    {"phi3_window", "the window", [](Layer& l) { l.self_attn.sliding_window = 0; }},
    {"phi3_window", "one key of the window", [](Layer& l) { --l.self_attn.sliding_window; }, 1e-3},
    {"phi4_mini", "channels that are not rotated",
     [](Config& c) {
       c.partial_rotary_factor = 1;
       c.rope_scaling.long_factor.resize(8, 8.0f);
       c.rope_scaling.short_factor.resize(8, 1.0f);
     }},
    {"phi4_mini", "long factors",
     [](Config& c) { c.rope_scaling.long_factor = c.rope_scaling.short_factor; }},
    {"granite", "the multiplier of the embedding", [](Config& c) { c.embedding_multiplier = 1; }},
    {"granite", "the multiplier of the sums", [](Layer& l) { l.residual_multiplier = 1; }},
    {"granite", "the multiplier of the scores", [](Config& c) { c.attention_scale = 0; }},
    {"granite", "the divisor of the logits", [](Config& c) { c.logits_multiplier = 1; }},
    {"olmo2", "norms after, not before",
     [](Layer& l) {
       std::swap(l.attention_norm, l.attention_output_norm);
       std::swap(l.mlp_norm, l.mlp_output_norm);
     }},
    {"olmo2", "the norm after attention", [](Layer& l) { l.attention_output_norm.reset(); }},
    {"olmo2", "the norm after the MLP", [](Layer& l) { l.mlp_output_norm.reset(); }},
    {"olmo2", "norms of queries and keys", [](Config& c) { c.qk_norm = io::QkNorm::None; }},
    {"olmo2", "norms swapped", [](Layer& l) { std::swap(l.self_attn.q_norm, l.self_attn.k_norm); }},

    {"falcon_7b", "side by side", [](Layer& l) { l.parallel = false; }},
    {"falcon_7b", "biases of the norm", [](Layer& l) { l.attention_norm->bias.reset(); }},
    {"falcon_7b", "means in the norm", [](Config& c) { c.norm = io::NormKind::Rms; }},
    {"falcon_7b", "positions", [](Layer& l) { l.self_attn.rope = nn::RopeUse::None; }},
    {"falcon_7b", "GELU", [](Layer& l) { l.mlp.activation = Activation::Silu; }},
    {"falcon_7b", "its exact form", [](Layer& l) { l.mlp.activation = Activation::GeluTanh; }, kOtherGelu},
    {"falcon_40b", "side by side", [](Layer& l) { l.parallel = false; }},
    {"falcon_40b", "the MLP's own norm", [](Layer& l) { l.mlp_norm.reset(); }},
    {"falcon_40b", "norms swapped", [](Layer& l) { std::swap(l.attention_norm, l.mlp_norm); }},
    {"falcon_40b", "rows by group", [](Config& c) { c.fused_rows = io::FusedRows::InTurn; }},
    {"falcon_rw", "ALiBi", [](Layer& l) { l.self_attn.alibi_slopes.clear(); }},
    {"falcon_rw", "the scale of its slopes",
     [](Config& c) {
       for (float& slope : c.alibi_slopes) slope *= 2;
     }},
    {"falcon_rw", "slopes past a power of two",
     [](Layer& l) { std::ranges::rotate(l.self_attn.alibi_slopes, l.self_attn.alibi_slopes.begin() + 4); }},
    {"falcon_rw", "one after the other", [](Layer& l) { l.parallel = true; }},
    {"falcon_rw", "biases of the projections", [](Config& c) { c.qkv_bias = c.o_bias = c.mlp_bias = false; }},
    {"gpt2", "positions", [](Model& m) { m.embed_positions.reset(); }},
    {"gpt2", "biases of q, k and v", [](Layer& l) { l.self_attn.qkv_proj.bias.reset(); }},
    {"gpt2", "the bias of the output", [](Layer& l) { l.self_attn.o_proj.bias.reset(); }},
    {"gpt2", "biases of the MLP", [](Config& c) { c.mlp_bias = false; }},
    {"gpt2", "biases of the norms", [](Model& m) { m.norm.bias.reset(); }},
    {"gpt2", "the tanh form of GELU", [](Layer& l) { l.mlp.activation = Activation::Gelu; }, kOtherGelu},
    {"gpt_neox", "side by side", [](Layer& l) { l.parallel = false; }},
    {"gpt_neox", "the MLP's own norm", [](Layer& l) { l.mlp_norm = l.attention_norm; }},
    {"gpt_neox", "channels that are not rotated", [](Config& c) { c.partial_rotary_factor = 1; }},
    {"gpt_neox", "rows by group", [](Config& c) { c.fused_rows = io::FusedRows::InTurn; }},
    {"gpt_neox", "biases of q, k and v", [](Layer& l) { l.self_attn.qkv_proj.bias.reset(); }},
    {"gpt_neox", "the exact GELU", [](Layer& l) { l.mlp.activation = Activation::GeluTanh; }, kOtherGelu},
    {"gpt_neox_serial", "one after the other", [](Layer& l) { l.parallel = true; }},
    {"gpt_neox_serial", "the tanh form of GELU", [](Layer& l) { l.mlp.activation = Activation::Gelu; },
     kOtherGelu},

    {"mixtral", "the second expert", [](Layer& l) { l.moe->top_k = 1; }},
    {"mixtral", "shares that sum to 1", [](Layer& l) { l.moe->norm_topk_prob = false; }, 1e-3},
    {"mixtral", "the experts' order",
     [](Layer& l) { std::ranges::rotate(l.moe->down_proj, l.moe->down_proj.begin() + 1); }},
    {"mixtral", "w1 and w3", [](Layer& l) { std::swap(l.moe->gate_proj, l.moe->up_proj); }},
    {"qwen2_moe", "shares that do not sum to 1", [](Layer& l) { l.moe->norm_topk_prob = true; }},
    {"qwen2_moe", "the shared expert", [](Layer& l) { l.moe->shared_expert.reset(); }},
    {"qwen2_moe", "its gate",
     [](Model& m) { m.layers[0].moe->shared_expert_gate = m.layers[1].moe->shared_expert_gate; }},
    {"qwen2_moe", "the experts' order",
     [](Layer& l) { std::swap(l.moe->gate_proj[0], l.moe->gate_proj[1]); }},
    {"qwen2_moe", "biases of q, k and v", [](Layer& l) { l.self_attn.qkv_proj.bias.reset(); }},
    {"qwen3_moe", "shares that sum to 1", [](Config& c) { c.norm_topk_prob = false; }},
    {"qwen3_moe", "an expert", [](Config& c) { --c.experts_per_token; }},
    {"qwen3_moe", "the norm of queries", [](Layer& l) { l.self_attn.q_norm.reset(); }},
    {"qwen3_moe", "the dense layer", [](Model& m) { m.layers[1] = m.layers[0]; }},
    {"qwen3_moe_sparse", "shares that sum to 1", [](Config& c) { c.norm_topk_prob = false; }},
    {"qwen3_moe_sparse", "the experts' order",
     [](Layer& l) { std::swap(l.moe->up_proj[0], l.moe->up_proj[7]); }},
};

/// The folder's model as a build() without the feature would give it.
std::unique_ptr<Model> mutant(Device& device, const io::Checkpoint& checkpoint, const Forget& forget,
                              int max_seq) {
  Config config = checkpoint.config();
  if (const auto* of = std::get_if<void (*)(Config&)>(&forget)) (*of)(config);
  models::DirectSource weights(device, checkpoint);
  auto model = models::find_architecture(config.architecture)
                   .build(config, models::parse_precision("fp32"), max_seq, weights);
  if (const auto* of = std::get_if<void (*)(Model&)>(&forget)) (*of)(*model);
  if (const auto* of = std::get_if<void (*)(Layer&)>(&forget)) {
    for (Layer& layer : model->layers) (*of)(layer);
  }
  return model;
}

class FamilyMutations : public ::testing::TestWithParam<Mutation> {};

TEST_P(FamilyMutations, AForgottenFeatureLeavesTheGolden) {
  const auto folder = test::families() / GetParam().folder;
  const io::Golden golden = io::read_golden(folder / "golden.safetensors");
  const auto device = Device::open("cpu", Engine::Ref);
  const auto model =
      mutant(*device, *test::open(folder), GetParam().forget, static_cast<int>(golden.forced.ids.size()));
  for (const ForcedRun& run : test::both_ways(*model, golden))
    EXPECT_GT(test::worst_error(golden, run), GetParam().least) << GetParam().what;
}

// As a family whose author forgot it would be brought up.
TEST_P(FamilyMutations, TheBaselineFails) {
  const auto folder = test::families() / GetParam().folder;
  const io::Golden golden = io::read_golden(folder / "golden.safetensors");
  const auto device = Device::open("cpu", Engine::Ref);
  Session s;
  s.checkpoint = test::open(folder);
  s.context = static_cast<int>(golden.forced.ids.size());
  report::BringupReport report;
  s.reference = models::load_model(
      *device, *s.checkpoint,
      {.precision = models::parse_precision("fp32"), .max_seq = s.context, .use_weight_cache = false});
  run_baseline(s, &golden, report);
  EXPECT_EQ(test::item(report, 1).status, report::Status::Pass) << test::item(report, 1).reason;
  s.reference = mutant(*device, *s.checkpoint, GetParam().forget, s.context);
  run_baseline(s, &golden, report);
  // The two forms of GELU are closer to each other than the bar of item 1, so that only the test above, which
  // is 20 times as strict, tells them apart.
  const auto expected = GetParam().least < 1e-3 ? report::Status::Pass : report::Status::Fail;
  EXPECT_EQ(test::item(report, 1).status, expected) << test::item(report, 1).evidence;
}

std::string name_of(const ::testing::TestParamInfo<Mutation>& info) {
  std::string name = std::string(info.param.folder) + "_" + info.param.what;
  std::ranges::replace_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, FamilyMutations, ::testing::ValuesIn(kMutations), name_of);

TEST(FamilyMutationsTable, HasEveryFolder) {
  std::set<std::string> mutated;
  for (const Mutation& mutation : kMutations) mutated.insert(mutation.folder);
  for (const test::FamilyGolden& golden : test::kFamilyGoldens)
    EXPECT_TRUE(mutated.contains(golden.folder)) << golden.folder;
}

}  // namespace
}  // namespace tessera::verify
