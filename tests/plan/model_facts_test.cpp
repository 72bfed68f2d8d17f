// What is read from a config.json alone, and what one chip holds of it.
#include "plan/chip_part.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "plan_fixture.hpp"
#include "tensor/spec.hpp"

namespace tessera::plan::test {
namespace {

TEST(ModelFacts, ParametersAreThePublishedOnes) {
  EXPECT_NEAR(parameter_count(read_config(kLlama1B)) / 1e9, 1.236, 0.001);
  EXPECT_NEAR(parameter_count(read_config(kLlama8B)) / 1e9, 8.030, 0.001);
  EXPECT_NEAR(parameter_count(read_config(kLlama70B)) / 1e9, 70.554, 0.001);
  EXPECT_NEAR(parameter_count(read_config(kMixtral)) / 1e9, 46.703, 0.001);
  EXPECT_NEAR(parameter_count(read_config(kFalcon40B)) / 1e9, 41.30, 0.01);
  EXPECT_NEAR(parameter_count(read_config(kFalcon7B)) / 1e9, 6.92, 0.01);
}

TEST(ModelFacts, FalconsKeysAndSilence) {
  const ModelFacts large = read_config(kFalcon40B), small = read_config(kFalcon7B);
  EXPECT_EQ(large.config.num_key_value_heads, 8);
  EXPECT_EQ(large.form.norms, 2);
  EXPECT_EQ(large.config.intermediate_size, 4 * 8192);
  EXPECT_EQ(small.config.num_key_value_heads, 1);
  EXPECT_EQ(small.form.norms, 1);
  EXPECT_EQ(small.config.max_position_embeddings, 2048);
  EXPECT_TRUE(large.form.parallel);
  EXPECT_TRUE(large.runs());
}

TEST(ModelFacts, EveryPublishedConfigurationIsRead) {
  int read = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(TESSERA_TEST_DATA) + "/plan/configs")) {
    const ModelFacts facts = read_model_facts(entry.path().string());
    EXPECT_TRUE(facts.runs()) << entry.path() << ": " << facts.not_runnable;
    ++read;
  }
  EXPECT_GE(read, 14);
}

TEST(ModelFacts, AFileAndItsFolderAreTheSame) {
  EXPECT_EQ(parameter_count(read_model_facts(config_path(kMixtral) + "/config.json")),
            parameter_count(read_config(kMixtral)));
}

void expect_error(const std::string& json, const std::string& part) {
  try {
    parse_model_facts("x", json);
    ADD_FAILURE() << "read: " << part;
  } catch (const UserError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos);
  }
}

TEST(ModelFacts, ErrorsSayWhatIsWrong) {
  expect_error(R"({"architectures": ["NoSuchLM"], "model_type": "x"})", "cannot be planned: known are");
  expect_error(R"({"architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "hidden_size": 64})",
               "'vocab_size' is missing");
  expect_error(R"({"architectures": ["FalconForCausalLM"], "model_type": "falcon", "num_hidden_layers": 2})",
               "'vocab_size' is missing");
  expect_error(
      R"({"architectures": ["FalconForCausalLM"], "model_type": "falcon", "num_hidden_layers": 2000000,
                   "hidden_size": 64, "vocab_size": 32, "num_attention_heads": 1})",
      "no model is so large");
  expect_error("[]", "x");
}

TEST(ChipPart, HeadsStandInEqualSlots) {
  ModelFacts facts = read_config(kLlama1B);
  facts.config.num_attention_heads = 9;
  facts.config.num_key_value_heads = 3;
  facts.config.head_dim = 64;
  const auto heads = [&](int chips) {
    const ChipPart part = chip_part(facts, chips);
    return std::pair{part.config.num_attention_heads, part.config.num_key_value_heads};
  };
  EXPECT_EQ(heads(1), std::pair(9, 3));
  EXPECT_EQ(heads(2), std::pair(6, 2));
  EXPECT_EQ(heads(4), std::pair(3, 1));
  EXPECT_EQ(heads(8), std::pair(2, 1));
}

TEST(ChipPart, AllChipsTogetherHoldTheModel) {
  for (const char* name : {kLlama1B, kLlama8B, kLlama70B, kFalcon7B, kFalcon40B, kMixtral}) {
    const ModelFacts facts = read_config(name);
    for (const int chips : {1, 2, 4, 8, 32}) {
      const ChipPart part = chip_part(facts, chips);
      EXPECT_GE(part.config.num_attention_heads * chips, facts.config.num_attention_heads);
      EXPECT_GE(part.config.num_key_value_heads * chips, facts.config.num_key_value_heads);
      EXPECT_EQ(part.config.num_attention_heads % part.config.num_key_value_heads, 0);
      EXPECT_GE(part.vocab * chips, facts.config.vocab_size);
      EXPECT_EQ(part.config.hidden_size, facts.config.hidden_size);
      if (chips > 1) {
        EXPECT_EQ(part.vocab % kTileSize, 0);
      }
      if (facts.form.experts == 0) {
        EXPECT_GE(part.config.intermediate_size * chips, facts.config.intermediate_size);
      }
    }
  }
}

// 8 rows of 4: heads and channels in eighths, the residual stream in quarters.
TEST(ChipPart, OfAGalaxyIsCutBothWays) {
  const ChipPart part = chip_part(read_config(kLlama70B), 32);
  EXPECT_EQ(part.plan, (nn::TensorPlan{nn::TensorForm::Grid, 4}));
  EXPECT_EQ(part.config.num_attention_heads, 8);
  EXPECT_EQ(part.config.num_key_value_heads, 1);
  EXPECT_EQ(part.config.intermediate_size, 28672 / 8);
  EXPECT_EQ(part.hidden, 8192 / 4);
  EXPECT_EQ(chip_part(read_config(kFalcon40B), 32).plan, nn::TensorPlan{});
}

TEST(ChipPart, ExpertsStayWholeAsLongAsThereAreEnough) {
  const ModelFacts facts = read_config(kMixtral);
  EXPECT_EQ(chip_part(facts, 8).experts, 1);
  EXPECT_EQ(chip_part(facts, 2).experts, 4);
  EXPECT_EQ(chip_part(facts, 8).config.intermediate_size, 14336);
  EXPECT_EQ(chip_part(facts, 32).experts, 1);  // one a row of the grid
  EXPECT_EQ(chip_part(facts, 32).config.intermediate_size, 14336);
}

}  // namespace
}  // namespace tessera::plan::test
