// An adapter of Hugging Face's names on the GGUF file of a family is the adapter on its folder: whatever the
// converter has turned, split or put in another order.
#include <gtest/gtest.h>

#include "generate/generator.hpp"
#include "io/safetensors.hpp"
#include "io/temp_folder.hpp"
#include "metrics/compare.hpp"
#include "support/tiny_model.hpp"
#include "util/file.hpp"
#include "util/rng.hpp"
#include "verify/families.hpp"

namespace tessera::models {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::int32_t, 9> kPrompt{40, 17, 99, 120, 33, 42, 81, 5, 201};
constexpr std::int64_t kRank = 2;

// Factors for every matrix of every layer but those of experts, which GGUF files hold as one tensor of three
// dimensions.
void write_adapter(const io::Checkpoint& base, const fs::path& folder) {
  Rng rng(5);
  const auto random = [&](std::int64_t n) {
    std::vector<float> values(static_cast<std::size_t>(n));
    for (float& value : values) value = 0.1f * rng.normal();
    return values;
  };
  io::SafetensorsWriter out;
  std::vector<std::vector<float>> factors;
  factors.reserve(2 * base.tensors().size());
  for (const io::CheckpointTensor& tensor : base.tensors()) {
    const std::string& name = tensor.name;
    const bool in_layer = name.find(".layers.") != std::string::npos || name.find(".h.") != std::string::npos;
    if (!in_layer || tensor.shape.size() != 2 || name.find("expert") != std::string::npos) continue;
    std::int64_t rows = tensor.shape[0], cols = tensor.shape[1];
    if (base.config().turned_weights) std::swap(rows, cols);
    const std::string module = "base_model.model." + name.substr(0, name.size() - 7);
    out.add(module + ".lora_A.weight", {kRank, cols}, factors.emplace_back(random(kRank * cols)));
    out.add(module + ".lora_B.weight", {rows, kRank}, factors.emplace_back(random(rows * kRank)));
  }
  fs::create_directories(folder);
  out.write(folder / "adapter_model.safetensors");
  write_text_file(folder / "adapter_config.json",
                  R"({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": "all-linear"})");
}

std::vector<float> logits(const fs::path& model, const fs::path& adapter) {
  const auto checkpoint = open_checkpoint(model, adapter);
  const auto tiny = test::load_tiny(*checkpoint, Engine::Ref, "fp32");
  generate::Generator generator(*tiny.model, {.users = 1, .context = 32});
  return generator.prefill(kPrompt).to_vector();
}

class FamilyAdapters : public ::testing::TestWithParam<const char*> {};

TEST_P(FamilyAdapters, AreTheSameOnTheGguf) {
  const io::test::TempFolder temp;
  const fs::path folder = fs::path(TESSERA_TEST_DATA) / "families" / GetParam();
  const fs::path adapter = temp.path() / "adapter";
  write_adapter(*open_checkpoint(folder), adapter);
  const std::vector<float> tuned = logits(folder, adapter);
  EXPECT_LT(metrics::compare(tuned, logits(folder / "model.gguf", adapter)).rel_l2, 1e-4);
  EXPECT_GT(metrics::compare(tuned, logits(folder, {})).rel_l2, 1e-2);
}

std::string folder_of(const ::testing::TestParamInfo<const char*>& info) {
  return info.param;
}
INSTANTIATE_TEST_SUITE_P(All, FamilyAdapters, ::testing::ValuesIn(verify::test::kFamilyGgufs), folder_of);

}  // namespace
}  // namespace tessera::models
