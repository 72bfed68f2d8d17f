#include "io/gguf_checkpoint.hpp"

#include <gtest/gtest.h>

#include "gguf_writer.hpp"
#include "models/registry.hpp"
#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::io {
namespace {

using test::as_bytes;
using test::GgufWriter;
using test::tiny_llama;

TEST(GgufCheckpoint, LlamaConfiguration) {
  const std::string bytes = tiny_llama().bytes();
  const auto checkpoint = parse_gguf_checkpoint(as_bytes(bytes), "tiny.gguf", models::family_formats());
  const ModelConfig& config = checkpoint->config();
  EXPECT_EQ(config.architecture, "LlamaForCausalLM");
  EXPECT_EQ(config.model_type, "llama");
  EXPECT_EQ(config.vocab_size, 4);
  EXPECT_EQ(config.hidden_size, 8);
  EXPECT_EQ(config.intermediate_size, 16);
  EXPECT_EQ(config.num_hidden_layers, 1);
  EXPECT_EQ(config.num_attention_heads, 2);
  EXPECT_EQ(config.num_key_value_heads, 1);
  EXPECT_EQ(config.head_dim, 4);
  EXPECT_EQ(config.max_position_embeddings, 64);
  EXPECT_EQ(config.rope_form, RopeForm::Pairs);
  EXPECT_EQ(config.rope_scaling.type, "none");
  EXPECT_TRUE(config.tie_word_embeddings);
  EXPECT_FALSE(config.qkv_bias);
  EXPECT_EQ(config.bos_token_id, -1);
  EXPECT_EQ(config.eos_token_ids, std::vector<int>{0});
}

TEST(GgufCheckpoint, TensorsHaveHuggingFaceNamesAndShapes) {
  const std::string bytes = tiny_llama().bytes();
  const auto checkpoint = parse_gguf_checkpoint(as_bytes(bytes), "tiny.gguf", models::family_formats());
  EXPECT_EQ(checkpoint->tensors().size(), 11u);
  const CheckpointTensor* down = checkpoint->find("model.layers.0.mlp.down_proj.weight");
  ASSERT_NE(down, nullptr);
  EXPECT_EQ(down->shape, (std::vector<std::int64_t>{8, 16}));
  EXPECT_EQ(down->dtype, "F32");
  EXPECT_EQ(down->bytes, 512u);
  for (const char* name :
       {"model.embed_tokens.weight", "model.norm.weight", "model.layers.0.input_layernorm.weight",
        "model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.o_proj.weight",
        "model.layers.0.post_attention_layernorm.weight", "model.layers.0.mlp.gate_proj.weight"}) {
    EXPECT_NE(checkpoint->find(name), nullptr) << name;
  }
  std::vector<float> values(128);
  checkpoint->read("model.layers.0.mlp.down_proj.weight", values);
  EXPECT_EQ(values[127], 127.0f);
}

TEST(GgufCheckpoint, ReadRefusesMissingTensorsAndWrongSizes) {
  const std::string bytes = tiny_llama().bytes();
  const auto checkpoint = parse_gguf_checkpoint(as_bytes(bytes), "tiny.gguf", models::family_formats());
  std::vector<float> values(8);
  EXPECT_THROW(checkpoint->read("lm_head.weight", values), UserError);
  EXPECT_THROW(checkpoint->read("model.embed_tokens.weight", values), UserError);
}

TEST(GgufCheckpoint, Tokenizer) {
  const std::string bytes = tiny_llama().bytes();
  const TokenizerFiles files =
      parse_gguf_checkpoint(as_bytes(bytes), "tiny.gguf", models::family_formats())->tokenizer();
  ASSERT_TRUE(files.vocab.has_value());
  EXPECT_EQ(files.vocab->model, "gpt2");
  EXPECT_EQ(files.vocab->pre, "smollm");
  EXPECT_EQ(files.vocab->tokens.at(3), "ab");
  EXPECT_EQ(files.vocab->merges, std::vector<std::string>{"a b"});
  EXPECT_EQ(files.eos_token, "<|end|>");
  EXPECT_EQ(files.bos_token, "");
  EXPECT_EQ(files.chat_template, "{{ messages }}");
  EXPECT_FALSE(files.vocab->add_space_prefix);
  EXPECT_EQ(files.vocab->add_bos_token, false);
}

// Whether BOS stands in front then is the pre-tokenizer's matter, which text/ knows.
TEST(GgufCheckpoint, AnAbsentAddBosTokenStaysAbsent) {
  std::string bytes = tiny_llama().bytes();
  bytes.replace(bytes.find("add_bos_token"), 3, "dda");
  const TokenizerFiles files =
      parse_gguf_checkpoint(as_bytes(bytes), "tiny.gguf", models::family_formats())->tokenizer();
  EXPECT_EQ(files.vocab->add_bos_token, std::nullopt);
}

TEST(GgufCheckpoint, Llama3FrequencyDivisors) {
  GgufWriter w = tiny_llama();
  w.floats_tensor("rope_freqs.weight", {2}, {1.0f, 32.0f});
  const std::string bytes = w.bytes();
  const auto checkpoint = parse_gguf_checkpoint(as_bytes(bytes), "tiny.gguf", models::family_formats());
  EXPECT_EQ(checkpoint->config().rope_scaling.type, "llama3");
  EXPECT_EQ(checkpoint->config().rope_scaling.frequency_divisors, (std::vector<float>{1.0f, 32.0f}));
  EXPECT_EQ(checkpoint->find("rope_freqs.weight"), nullptr);
}

TEST(GgufCheckpoint, UntiedHead) {
  GgufWriter w = tiny_llama();
  w.floats_tensor("output.weight", {8, 4}, std::vector<float>(32, 1.0f));
  const std::string bytes = w.bytes();
  const auto checkpoint = parse_gguf_checkpoint(as_bytes(bytes), "tiny.gguf", models::family_formats());
  EXPECT_FALSE(checkpoint->config().tie_word_embeddings);
  EXPECT_NE(checkpoint->find("lm_head.weight"), nullptr);
}

TEST(GgufCheckpoint, UnknownArchitectureKeepsItsNames) {
  GgufWriter w;
  w.text("general.architecture", "mamba");
  w.u32("mamba.block_count", 2);
  w.floats_tensor("blk.0.ssm_in.weight", {4}, {1, 2, 3, 4});
  const std::string bytes = w.bytes();
  const auto checkpoint = parse_gguf_checkpoint(as_bytes(bytes), "mamba.gguf", models::family_formats());
  EXPECT_EQ(checkpoint->config().architecture, "mamba");
  EXPECT_EQ(checkpoint->config().num_hidden_layers, 2);
  EXPECT_EQ(checkpoint->config().hidden_size, 0);
  EXPECT_NE(checkpoint->find("blk.0.ssm_in.weight"), nullptr);
  EXPECT_THROW(checkpoint->tokenizer(), UserError);
}

TEST(GgufCheckpoint, MissingKeysAreNamed) {
  GgufWriter w;
  w.text("general.architecture", "llama");
  const std::string bytes = w.bytes();
  try {
    parse_gguf_checkpoint(as_bytes(bytes), "tiny.gguf", models::family_formats());
    FAIL() << "opened without a configuration";
  } catch (const UserError& error) {
    EXPECT_STREQ(error.what(),
                 "tiny.gguf cannot be used: metadata 'llama.vocab_size' is missing: convert the model again");
  }
}

}  // namespace
}  // namespace tessera::io
