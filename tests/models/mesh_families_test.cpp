// Families divided among chips, in every form of tensor parallelism, give what they give on one device: norms
// of what a block gives, norms of heads, multipliers, fused projections, windows, mixtures of experts. What a
// family does not have in a form is refused by name.
#include <gtest/gtest.h>

#include <array>

#include "comm/mesh_device.hpp"
#include "comm/meta/meta_group.hpp"
#include "generate/generator.hpp"
#include "metrics/compare.hpp"
#include "models/load_model.hpp"
#include "models/tensor_plan.hpp"
#include "util/error.hpp"

namespace tessera::models {
namespace {

struct Form {
  const char* name;
  int chips;
  nn::TensorPlan plan;
};
constexpr nn::TensorPlan kFractured{nn::TensorForm::Fractured};
constexpr nn::TensorPlan grid(int columns) {
  return {nn::TensorForm::Grid, columns};
}
constexpr Form kForms[] = {{"replicated", 2, {}},
                           {"fractured", 2, kFractured},
                           {"fractured over more chips than tiles", 4, kFractured},
                           {"2d", 4, grid(2)}};

std::unique_ptr<io::Checkpoint> open_family(const std::string& folder) {
  return open_checkpoint(TESSERA_TEST_DATA "/families/" + folder);
}

LoadOptions options_of(std::shared_ptr<comm::Group> group, const nn::TensorPlan& plan) {
  return {.precision = parse_precision("fp32"),
          .use_weight_cache = false,
          .group = std::move(group),
          .tensor = plan};
}

// Of a prompt's last token, and of one token more.
std::vector<float> logits_of(const nn::CausalLm& model) {
  std::vector<std::int32_t> prompt;
  for (int i = 0; i < 40; ++i) prompt.push_back((i * 37 + 5) % 250);
  generate::Generator generator(model, {.users = 1});
  std::vector<float> logits = generator.prefill(prompt, 0).to_vector();
  const std::vector<float> next = generator.decode(std::array{7}, std::array{40}).to_vector();
  logits.insert(logits.end(), next.begin(), next.end());
  return logits;
}

std::vector<float> alone(const io::Checkpoint& checkpoint) {
  const auto device = Device::open("cpu", Engine::Ref);
  return logits_of(*load_model(*device, checkpoint, options_of(nullptr, {})));
}

void expect_alike(const io::Checkpoint& checkpoint, const Form& form, const std::vector<float>& expected) {
  std::vector<std::vector<float>> ranks(static_cast<std::size_t>(form.chips));
  comm::MeshDevice::open({1, form.chips}, "cpu", Engine::Ref)->run([&](const comm::Chip& chip) {
    const auto model = load_model(chip.device, checkpoint, options_of(chip.mesh, form.plan));
    ranks[static_cast<std::size_t>(chip.rank)] = logits_of(*model);
  });
  for (const auto& rank : ranks) EXPECT_LT(metrics::compare(expected, rank).rel_l2, 1e-5) << form.name;
}

class MeshFamilies : public testing::TestWithParam<const char*> {};

TEST_P(MeshFamilies, GiveTheLogitsOfOneDevice) {
  const auto checkpoint = open_family(GetParam());
  const std::vector<float> expected = alone(*checkpoint);
  for (const Form& form : kForms) expect_alike(*checkpoint, form, expected);
}

INSTANTIATE_TEST_SUITE_P(Mesh, MeshFamilies,
                         testing::Values("llama_llama3", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text",
                                         "smollm3", "phi3", "phi4_mini", "granite", "mixtral", "qwen2_moe",
                                         "qwen3_moe"),
                         [](const auto& family) { return std::string(family.param); });

class LayerNormFamilies : public testing::TestWithParam<const char*> {};

// Learned positions, ALiBi, matrices held as [in, out], projections fused by groups, blocks side by side.
TEST_P(LayerNormFamilies, GiveTheLogitsOfOneDeviceWithAWholeStream) {
  const auto checkpoint = open_family(GetParam());
  const std::vector<float> expected = alone(*checkpoint);
  for (const int chips : {2, 3}) expect_alike(*checkpoint, {"replicated", chips, {}}, expected);
}

INSTANTIATE_TEST_SUITE_P(Mesh, LayerNormFamilies,
                         testing::Values("falcon_7b", "falcon_40b", "falcon_rw", "gpt2", "gpt_neox",
                                         "gpt_neox_serial"),
                         [](const auto& family) { return std::string(family.param); });

// Norms over all heads want them on one chip: columns of the residual stream alone can be divided.
TEST(MeshFamily, Olmo2GivesTheLogitsOfOneDeviceInOneRow) {
  const auto checkpoint = open_family("olmo2");
  expect_alike(*checkpoint, {"2d, one row", 2, grid(2)}, alone(*checkpoint));
}

std::string refusal(const io::ModelConfig& config, const nn::TensorPlan& plan) {
  const auto meta = Device::open("cpu", Engine::Meta);
  try {
    load_meta_model(*meta, config, options_of(comm::meta_group(2, 0), plan));
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(MeshFamily, FormsThatAFamilyDoesNotHaveAreRefusedByName) {
  io::ModelConfig olmo2 = open_family("olmo2")->config();
  for (const nn::TensorPlan& plan : {nn::TensorPlan{}, kFractured, grid(1)})
    EXPECT_NE(refusal(olmo2, plan).find("the olmo2 family normalises all heads"), std::string::npos);
  EXPECT_EQ(refusal(olmo2, grid(2)), "");
  olmo2.num_attention_heads = olmo2.num_key_value_heads = 1;
  EXPECT_NE(refusal(olmo2, kFractured).find("the olmo2 family has no norm before its blocks"),
            std::string::npos);

  io::ModelConfig layer_norm = open_family("llama")->config();
  layer_norm.norm = io::NormKind::Layer;
  for (const nn::TensorPlan& plan : {kFractured, grid(2)})
    EXPECT_NE(refusal(layer_norm, plan).find("the llama family has LayerNorm"), std::string::npos);
  EXPECT_EQ(refusal(layer_norm, {}), "");
}

TEST(MeshFamily, TheUsualFormIsOneThatTheFamilyHas) {
  const auto usual = [](const char* folder, int chips) {
    return usual_tensor_plan(open_family(folder)->config(), chips);
  };
  EXPECT_EQ(usual("llama", 2), nn::TensorPlan{});
  EXPECT_EQ(usual("llama", 32), grid(4));
  EXPECT_EQ(usual("falcon_40b", 32), nn::TensorPlan{});
  EXPECT_EQ(usual("olmo2", 2), grid(2));
  EXPECT_EQ(usual("olmo2", 32), grid(32));
}

}  // namespace
}  // namespace tessera::models
