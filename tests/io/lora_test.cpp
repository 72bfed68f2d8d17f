// LoRA adapters as PEFT saves them: the merged weights are PEFT's own (scripts/make_lora_fixtures.py).
#include "io/lora_checkpoint.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "io/lora_config.hpp"
#include "io/safetensors.hpp"
#include "models/load_model.hpp"
#include "temp_folder.hpp"
#include "util/error.hpp"

namespace tessera::io {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path fixture(const std::string& name) {
  return fs::path(TESSERA_TEST_DATA) / "io" / "lora" / name;
}

// A fixture is base and adapter in one folder; its other safetensors are no shards of the base.
class LoraFiles : public ::testing::TestWithParam<const char*> {
 protected:
  static std::unique_ptr<Checkpoint> open(const std::string& name, const fs::path& adapter = {}) {
    return models::open_checkpoint(fixture(name), adapter.empty() ? fixture(name) : adapter);
  }
};

std::vector<float> read(const Checkpoint& checkpoint, const CheckpointTensor& tensor) {
  std::size_t values = 1;
  for (const std::int64_t size : tensor.shape) values *= static_cast<std::size_t>(size);
  std::vector<float> result(values);
  checkpoint.read(tensor.name, result);
  return result;
}

TEST_P(LoraFiles, WeightsAreThoseThatPeftMerges) {
  const auto base = models::open_checkpoint(fixture(GetParam()));
  const auto tuned = open(GetParam());
  const auto file = MappedFile::open(fixture(GetParam()) / "merged.safetensors");
  const Safetensors merged = parse_safetensors(file->bytes(), "merged");
  std::size_t changed = 0;
  for (const CheckpointTensor& tensor : base->tensors()) {
    const std::vector<float> before = read(*base, tensor), after = read(*tuned, tensor);
    const SafetensorsEntry* entry = merged.find(tensor.name);
    if (entry == nullptr) {
      EXPECT_EQ(before, after) << tensor.name;
      continue;
    }
    ++changed;
    std::vector<float> expected(before.size());
    read_floats(*entry, expected);
    double most = 0, moved = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      most = std::max<double>(most, std::abs(after[i] - expected[i]));
      moved = std::max<double>(moved, std::abs(before[i] - expected[i]));
    }
    EXPECT_LT(most, 1e-6) << tensor.name;
    EXPECT_GT(moved, 0.1) << tensor.name;
    // A part of the rows is the same part of the whole.
    const auto row = after.size() / static_cast<std::size_t>(tensor.shape[0]);
    std::vector<float> rows(3 * row);
    tuned->read_rows(tensor.name, 2, rows);
    EXPECT_TRUE(std::equal(rows.begin(), rows.end(), after.begin() + static_cast<std::ptrdiff_t>(2 * row)));
  }
  EXPECT_EQ(changed, merged.tensors.size());
}

INSTANTIATE_TEST_SUITE_P(All, LoraFiles, ::testing::Values("llama", "gpt2"));

// A copy of llama's adapter to change.
class LoraFolder : public ::testing::Test {
 protected:
  LoraFolder() {
    for (const char* name : {"adapter_config.json", "adapter_model.safetensors"})
      fs::copy_file(fixture("llama") / name, folder_.path() / name);
  }
  void change(const json& patch) const {
    json config = json::parse(read_text_file(fixture("llama") / "adapter_config.json"));
    config.merge_patch(patch);
    folder_.write("adapter_config.json", config.dump());
  }
  // The fixture's factors but one, which has another name; an empty one: it is left out.
  void rename(const std::string& from, const std::string& to) const {
    const auto file = MappedFile::open(fixture("llama") / "adapter_model.safetensors");
    const Safetensors weights = parse_safetensors(file->bytes(), "adapter");
    std::vector<std::vector<float>> values;
    values.reserve(weights.tensors.size());
    SafetensorsWriter out;
    for (const SafetensorsEntry& entry : weights.tensors) {
      values.emplace_back(entry.values());
      read_floats(entry, values.back());
      const std::string name = entry.name == "base_model.model." + from ? to : entry.name;
      if (!name.empty()) out.add(name, entry.shape, values.back());
    }
    out.write(folder_.path() / "adapter_model.safetensors");
  }
  void expect_refused(const std::string& part) const {
    try {
      models::open_checkpoint(fixture("llama"), folder_.path());
      ADD_FAILURE() << "merged: " << part;
    } catch (const UserError& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find(part), std::string::npos) << text;
      EXPECT_EQ(text.find('\n'), std::string::npos);
    }
  }
  std::string hash() const {
    return models::open_checkpoint(fixture("llama"), folder_.path())->content_hash();
  }

  test::TempFolder folder_, cache_folder_;
  test::ScopedEnvironment cache_{"XDG_CACHE_HOME", cache_folder_.path()};
};

TEST_F(LoraFolder, WhatCannotBeMergedIsRefusedByName) {
  const std::vector<std::pair<json, const char*>> cases{
      {{{"use_dora", true}}, "'use_dora'"},
      {{{"modules_to_save", {"lm_head"}}}, "'modules_to_save'"},
      {{{"lora_bias", true}}, "'lora_bias'"},
      {{{"use_qalora", true}}, "'use_qalora'"},
      {{{"layer_replication", json::array({json::array({0, 2})})}}, "'layer_replication'"},
      {{{"target_parameters", {"mlp.experts.gate_up_proj"}}}, "'target_parameters'"},
      {{{"trainable_token_indices", {1, 2}}}, "'trainable_token_indices'"},
      {{{"some_new_method", {{"size", 3}}}}, "'some_new_method'"},
      {{{"init_lora_weights", "pissa"}}, "'init_lora_weights' is \"pissa\""},
      {{{"bias", "lora_only"}}, "'bias' is lora_only"},
      {{{"peft_type", "IA3"}}, "of IA3 adapter"},
      {{{"peft_type", nullptr}}, "of no adapter"},
      {{{"r", nullptr}}, "'r' is missing"},
      {{{"r", 0}}, "'r' is 0"},
      {{{"lora_alpha", nullptr}}, "'lora_alpha' is missing"},
      {{{"target_modules", nullptr}}, "'target_modules' is missing"},
      {{{"target_modules", {1}}}, "'target_modules'"},
      {{{"rank_pattern", {{"^q_proj", 2}}}}, "rank_pattern has '^q_proj'"},
      {{{"alpha_pattern", {{"q_proj", "two"}}}}, "'alpha_pattern.q_proj' is \"two\""},
      {{{"r", 8}}, "has factors [4, 24] and [16, 4]: rank 8"},
      {{{"target_modules", {"q_proj", "k_proj", "down_proj", "mixer"}}},
       "target module 'mixer' has no factors"},
      {{{"target_modules", {"q_proj", "k_proj"}}}, "is no target module"},
  };
  for (const auto& [patch, part] : cases) {
    change(patch);
    expect_refused(part);
  }
}

TEST_F(LoraFolder, TensorsThatDoNotFitAreRefusedByName) {
  const std::string name = "model.layers.0.self_attn.q_proj";
  rename(name + ".lora_A.weight", "");
  expect_refused("module 'model.layers.0.self_attn.q_proj' has one LoRA factor of two");
  rename(name + ".lora_A.weight", "base_model.model." + name + ".lora_magnitude_vector.weight");
  expect_refused("q_proj.lora_magnitude_vector.weight' is no LoRA factor");
  rename(name + ".lora_A.weight", "base_model.model.lm_head.weight");
  expect_refused("'base_model.model.lm_head.weight' is no LoRA factor");
  rename(name + ".lora_A.weight", "base_model.model.model.layers.7.self_attn.q_proj.lora_A.weight");
  expect_refused("module 'model.layers.7.self_attn.q_proj' is no linear module of the base model");
  rename(name + ".lora_A.weight", "base_model.model.model.norm.lora_A.weight");
  expect_refused("module 'model.norm' is no linear module");
}

TEST_F(LoraFolder, AModuleOfSomeLayersOnlyIsAnIncompleteFile) {
  const auto file = MappedFile::open(fixture("llama") / "adapter_model.safetensors");
  const Safetensors weights = parse_safetensors(file->bytes(), "adapter");
  std::vector<std::vector<float>> values;
  values.reserve(weights.tensors.size());
  SafetensorsWriter out;
  for (const SafetensorsEntry& entry : weights.tensors) {
    if (entry.name.find("layers.1.mlp") != std::string::npos) continue;
    values.emplace_back(entry.values());
    read_floats(entry, values.back());
    out.add(entry.name, entry.shape, values.back());
  }
  out.write(folder_.path() / "adapter_model.safetensors");
  expect_refused("module 'model.layers.1.mlp.down_proj' is a target and has no factors");
  change({{"layers_to_transform", {0}}});
  EXPECT_EQ(hash().size(), 64u);
}

TEST_F(LoraFolder, MissingFilesAreNamed) {
  fs::remove(folder_.path() / "adapter_model.safetensors");
  expect_refused("no adapter_model.safetensors");
  fs::remove(folder_.path() / "adapter_config.json");
  expect_refused("no adapter_config.json");
}

TEST_F(LoraFolder, HashIsOfBaseAndAdapter) {
  const std::string plain = models::open_checkpoint(fixture("llama"))->content_hash(), first = hash();
  EXPECT_NE(first, plain);
  EXPECT_EQ(hash(), first);
  change({{"lora_alpha", 7}});
  const std::string second = hash();
  EXPECT_NE(second, first);
  rename("", "");  // the same factors, written by another program
  EXPECT_NE(hash(), second);
}

TEST(LoraConfig, ScaleOfAModule) {
  const LoraConfig config = parse_lora_config(
      R"({"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": "all-linear",
          "rank_pattern": {"q_proj": 4}, "alpha_pattern": {"layers.3.mlp.up_proj": 1}})",
      "adapter_config.json");
  EXPECT_FLOAT_EQ(config.scale_of("model.layers.0.self_attn.k_proj"), 2);
  EXPECT_FLOAT_EQ(config.scale_of("model.layers.0.self_attn.q_proj"), 4);
  EXPECT_FLOAT_EQ(config.scale_of("model.layers.3.mlp.up_proj"), 0.125f);
  EXPECT_FLOAT_EQ(config.scale_of("model.layers.13.mlp.up_proj"), 2);
  EXPECT_EQ(config.rank_of("seq_proj"), 8);
  EXPECT_TRUE(config.targets.empty());
}

}  // namespace
}  // namespace tessera::io
