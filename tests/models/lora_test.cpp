// A model with an adapter is the model of the merged weights: on every engine, from every form of the base,
// through the weight cache.
#include <gtest/gtest.h>

#include <array>

#include "generate/generator.hpp"
#include "io/safetensors.hpp"
#include "metrics/compare.hpp"
#include "models/weight_cache.hpp"
#include "support/tiny_model.hpp"
#include "util/file.hpp"
#include "util/rng.hpp"

namespace tessera::models {
namespace {

namespace fs = std::filesystem;
using tessera::test::TinyFolder;
using tessera::test::TinyTensor;

constexpr std::array<std::int32_t, 7> kPrompt{400, 17, 999, 1200, 333, 42, 801};
constexpr std::int64_t kRank = 3;
constexpr double kScale = 2.0;  // lora_alpha 6

std::vector<float> random(std::int64_t n, float deviation, Rng& rng) {
  std::vector<float> values(static_cast<std::size_t>(n));
  for (float& value : values) value = deviation * rng.normal();
  return values;
}

// Writes an adapter for q_proj, k_proj and down_proj of every layer, and merges it into `weights` entry by
// entry.
void write_adapter(const fs::path& folder, std::vector<TinyTensor>& weights) {
  Rng rng(5);
  std::vector<std::vector<float>> factors;
  factors.reserve(2 * weights.size());
  io::SafetensorsWriter out;
  for (TinyTensor& weight : weights) {
    const bool target = weight.name.ends_with("q_proj.weight") || weight.name.ends_with("k_proj.weight") ||
                        weight.name.ends_with("down_proj.weight");
    if (!target) continue;
    const std::int64_t rows = weight.shape[0], cols = weight.shape[1];
    const auto& a = factors.emplace_back(random(kRank * cols, 0.1f, rng));
    const auto& b = factors.emplace_back(random(rows * kRank, 0.3f, rng));
    const std::string module = "base_model.model." + weight.name.substr(0, weight.name.size() - 7);
    out.add(module + ".lora_A.weight", {kRank, cols}, a);
    out.add(module + ".lora_B.weight", {rows, kRank}, b);
    for (std::int64_t i = 0; i < rows * cols; ++i) {
      double sum = 0;
      for (std::int64_t k = 0; k < kRank; ++k)
        sum += double{b[static_cast<std::size_t>(i / cols * kRank + k)]} *
               double{a[static_cast<std::size_t>(k * cols + i % cols)]};
      weight.values[static_cast<std::size_t>(i)] += static_cast<float>(kScale * sum);
    }
  }
  fs::create_directories(folder);
  out.write(folder / "adapter_model.safetensors");
  write_text_file(folder / "adapter_config.json",
                  R"({"peft_type": "LORA", "r": 3, "lora_alpha": 6,
                      "target_modules": ["q_proj", "k_proj", "down_proj"]})");
}

class Adapter : public ::testing::Test {
 protected:
  Adapter() {
    auto weights = tessera::test::tiny_weights({});
    write_adapter(adapter(), weights);
    write_tiny_folder(merged_.path(), {}, weights);
  }
  fs::path adapter() const { return base_.root() / "adapter"; }

  static std::vector<float> logits(const io::Checkpoint& checkpoint, Engine engine, const char* precision) {
    const auto tiny = tessera::test::load_tiny(checkpoint, engine, precision);
    generate::Generator generator(*tiny.model, {.users = 1});
    return generator.prefill(kPrompt).to_vector();
  }

  TinyFolder base_, merged_;
};

TEST_F(Adapter, GivesTheLogitsOfTheMergedWeights) {
  const auto tuned = open_checkpoint(base_.path(), adapter());
  for (const auto& [engine, precision] :
       {std::pair{Engine::Ref, "fp32"}, {Engine::Fast, "bf16"}, {Engine::Fast, "accuracy"}}) {
    const auto expected = logits(*merged_.open(), engine, precision);
    const auto c = metrics::compare(expected, logits(*tuned, engine, precision));
    // Sums in another order may fall on another side of a rounding to 8 bits.
    EXPECT_LT(c.rel_l2, engine == Engine::Ref ? 1e-5 : 5e-3) << precision;
    const auto plain = metrics::compare(expected, logits(*base_.open(), engine, precision));
    EXPECT_GT(plain.rel_l2, 0.1) << precision;
  }
}

TEST_F(Adapter, FitsAGgufBase) {
  const auto tuned = open_checkpoint(base_.write_gguf(), adapter());
  EXPECT_EQ(tuned->config().rope_form, io::RopeForm::Pairs);
  const auto c =
      metrics::compare(logits(*merged_.open(), Engine::Ref, "fp32"), logits(*tuned, Engine::Ref, "fp32"));
  EXPECT_LT(c.rel_l2, 1e-5);
}

TEST_F(Adapter, HasAWeightCacheOfItsOwn) {
  const auto path = [&](const io::Checkpoint& checkpoint) {
    return weight_cache_path(checkpoint, parse_precision("accuracy"));
  };
  const auto cached = [&](const io::Checkpoint& checkpoint) {
    const auto device = Device::open("cpu", Engine::Fast);
    const auto model = load_model(*device, checkpoint, {.precision = parse_precision("accuracy")});
    generate::Generator generator(*model, {.users = 1});
    return generator.prefill(kPrompt).to_vector();
  };
  const auto plain = base_.open(), tuned = open_checkpoint(base_.path(), adapter());
  const fs::path file = path(*tuned);
  EXPECT_NE(path(*plain), file);
  const auto before = cached(*plain), after = cached(*tuned);
  EXPECT_NE(before, after);
  EXPECT_EQ(after, logits(*tuned, Engine::Fast, "accuracy"));
  EXPECT_TRUE(fs::exists(file));
  EXPECT_EQ(cached(*plain), before);
  EXPECT_EQ(cached(*tuned), after);
  // Another scale, another file.
  auto config = read_text_file(adapter() / "adapter_config.json");
  config.replace(config.find('6'), 1, "9");
  write_text_file(adapter() / "adapter_config.json", config);
  const auto stronger = open_checkpoint(base_.path(), adapter());
  EXPECT_NE(path(*stronger), file);
  EXPECT_NE(cached(*stronger), after);
}

}  // namespace
}  // namespace tessera::models
