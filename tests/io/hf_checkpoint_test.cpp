#include <gtest/gtest.h>

#include "io/checkpoint.hpp"
#include "io/safetensors.hpp"
#include "temp_folder.hpp"
#include "util/error.hpp"

namespace tessera::io {
namespace {

constexpr const char* kConfig =
    R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 4,
  "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
  "max_position_embeddings": 64, "eos_token_id": 2})";

void write_shard(const std::filesystem::path& path, const std::string& name, float value) {
  const std::vector<float> values(8, value);
  SafetensorsWriter out;
  out.add(name, {8}, values);
  out.write(path);
}

class HfFolder : public ::testing::Test {
 protected:
  HfFolder() : cache_("XDG_CACHE_HOME", cache_folder_.path()) {
    folder_.write("config.json", kConfig);
    write_shard(folder_.path() / "model.safetensors", "model.norm.weight", 1.0f);
  }
  std::unique_ptr<Checkpoint> open() const { return Checkpoint::open(folder_.path()); }
  std::string error() const {
    try {
      open();
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  }

  test::TempFolder cache_folder_, folder_;
  test::ScopedEnvironment cache_;
};

TEST_F(HfFolder, OneFile) {
  folder_.write("generation_config.json", R"({"eos_token_id": [2, 3]})");
  const auto checkpoint = open();
  EXPECT_EQ(checkpoint->config().eos_token_ids, (std::vector<int>{2, 3}));
  ASSERT_NE(checkpoint->find("model.norm.weight"), nullptr);
  std::vector<float> values(8);
  checkpoint->read("model.norm.weight", values);
  EXPECT_EQ(values[7], 1.0f);
  EXPECT_THROW(checkpoint->read("lm_head.weight", values), UserError);
  values.resize(4);
  EXPECT_THROW(checkpoint->read("model.norm.weight", values), UserError);
}

TEST_F(HfFolder, Shards) {
  write_shard(folder_.path() / "model-00001-of-00002.safetensors", "a", 1.0f);
  write_shard(folder_.path() / "model-00002-of-00002.safetensors", "b", 2.0f);
  folder_.write(
      "model.safetensors.index.json",
      R"({"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}})");
  const auto checkpoint = open();
  EXPECT_EQ(checkpoint->tensors().size(), 2u);  // model.safetensors is not in the index
  std::vector<float> values(8);
  checkpoint->read("b", values);
  EXPECT_EQ(values[0], 2.0f);
  std::filesystem::remove(folder_.path() / "model-00002-of-00002.safetensors");
  EXPECT_NE(error().find("model-00002-of-00002.safetensors is missing"), std::string::npos) << error();
}

TEST_F(HfFolder, BadIndex) {
  folder_.write("model.safetensors.index.json", R"({"weight_map": {"x": "model.safetensors"}})");
  EXPECT_NE(error().find("tensor 'x'"), std::string::npos) << error();
  folder_.write("model.safetensors.index.json", R"({"weight_map": {"x": "../model.safetensors"}})");
  EXPECT_NE(error().find("a file of the same folder"), std::string::npos) << error();
  folder_.write("model.safetensors.index.json", R"({"weight_map": {"x": 3}})");
  EXPECT_NE(error().find("a file of the same folder"), std::string::npos) << error();
  folder_.write("model.safetensors.index.json", R"({})");
  EXPECT_NE(error().find("'weight_map' is missing"), std::string::npos) << error();
}

TEST_F(HfFolder, SameTensorInTwoShards) {
  write_shard(folder_.path() / "other.safetensors", "model.norm.weight", 1.0f);
  std::filesystem::rename(folder_.path() / "model.safetensors", folder_.path() / "one.safetensors");
  EXPECT_NE(error().find("stands twice"), std::string::npos) << error();
}

TEST_F(HfFolder, MissingFiles) {
  std::filesystem::remove(folder_.path() / "model.safetensors");
  EXPECT_NE(error().find("no .safetensors file"), std::string::npos) << error();
  std::filesystem::remove(folder_.path() / "config.json");
  EXPECT_NE(error().find("no config.json"), std::string::npos) << error();
  EXPECT_THROW(Checkpoint::open(folder_.path() / "nothing"), UserError);
}

TEST_F(HfFolder, Tokenizer) {
  const auto checkpoint = open();
  EXPECT_THROW(checkpoint->tokenizer(), UserError);
  folder_.write("tokenizer.json", "{\"version\": \"1.0\"}");
  EXPECT_EQ(checkpoint->tokenizer().tokenizer_json, "{\"version\": \"1.0\"}");
  folder_.write("tokenizer_config.json", R"({"eos_token": "</s>", "chat_template": "old"})");
  EXPECT_EQ(checkpoint->tokenizer().chat_template, "old");
  EXPECT_EQ(checkpoint->tokenizer().eos_token, "</s>");
  folder_.write("chat_template.jinja", "new");
  EXPECT_EQ(checkpoint->tokenizer().chat_template, "new");
  EXPECT_FALSE(checkpoint->tokenizer().vocab.has_value());
}

TEST_F(HfFolder, HashFollowsTheContents) {
  const std::string before = open()->content_hash();
  EXPECT_EQ(before.size(), 64u);
  EXPECT_EQ(open()->content_hash(), before);
  folder_.write("tokenizer.json", "{}");
  const std::string with_tokenizer = open()->content_hash();
  EXPECT_NE(with_tokenizer, before);
  write_shard(folder_.path() / "model.safetensors", "model.norm.weight", 2.0f);
  EXPECT_NE(open()->content_hash(), with_tokenizer);
}

}  // namespace
}  // namespace tessera::io
