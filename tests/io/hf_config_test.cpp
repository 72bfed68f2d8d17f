#include "io/hf_config.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "models/registry.hpp"
#include "util/error.hpp"

namespace tessera::io {
namespace {

using nlohmann::json;

json llama() {
  return json::parse(R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 128256,
    "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32,
    "num_key_value_heads": 8, "head_dim": 64, "max_position_embeddings": 131072, "rms_norm_eps": 1e-05,
    "rope_theta": 500000.0, "hidden_act": "silu", "tie_word_embeddings": true, "attention_bias": false,
    "bos_token_id": 128000, "eos_token_id": [128001, 128008, 128009],
    "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                     "original_max_position_embeddings": 8192, "rope_type": "llama3"}})");
}

ModelConfig parse(const json& config) {
  return parse_hf_config(config.dump(), "config.json", models::family_formats());
}

std::string error_of(const json& config) {
  try {
    parse(config);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(HfConfig, Llama32) {
  const ModelConfig config = parse(llama());
  EXPECT_EQ(config.architecture, "LlamaForCausalLM");
  EXPECT_EQ(config.model_type, "llama");
  EXPECT_EQ(config.vocab_size, 128256);
  EXPECT_EQ(config.hidden_size, 2048);
  EXPECT_EQ(config.intermediate_size, 8192);
  EXPECT_EQ(config.num_hidden_layers, 16);
  EXPECT_EQ(config.num_attention_heads, 32);
  EXPECT_EQ(config.num_key_value_heads, 8);
  EXPECT_EQ(config.head_dim, 64);
  EXPECT_EQ(config.max_position_embeddings, 131072);
  EXPECT_EQ(config.rms_norm_eps, 1e-5f);
  EXPECT_EQ(config.rope_theta, 500000.0f);
  EXPECT_EQ(config.rope_form, RopeForm::Halves);
  EXPECT_EQ(config.rope_scaling.type, "llama3");
  EXPECT_EQ(config.rope_scaling.factor, 32.0f);
  EXPECT_EQ(config.rope_scaling.low_freq_factor, 1.0f);
  EXPECT_EQ(config.rope_scaling.high_freq_factor, 4.0f);
  EXPECT_EQ(config.rope_scaling.original_max_position_embeddings, 8192);
  EXPECT_TRUE(config.tie_word_embeddings);
  EXPECT_EQ(config.bos_token_id, 128000);
  EXPECT_EQ(config.eos_token_ids, (std::vector<int>{128001, 128008, 128009}));
}

TEST(HfConfig, Defaults) {
  json config = llama();
  for (const char* key : {"num_key_value_heads", "head_dim", "tie_word_embeddings", "rope_scaling",
                          "rope_theta", "attention_bias", "bos_token_id", "hidden_act"}) {
    config.erase(key);
  }
  config["eos_token_id"] = 2;
  const ModelConfig parsed = parse(config);
  EXPECT_EQ(parsed.num_key_value_heads, 32);
  EXPECT_EQ(parsed.head_dim, 64);
  EXPECT_FALSE(parsed.tie_word_embeddings);
  EXPECT_EQ(parsed.rope_scaling.type, "none");
  EXPECT_EQ(parsed.rope_theta, 10000.0f);
  EXPECT_EQ(parsed.hidden_act, "silu");
  EXPECT_EQ(parsed.bos_token_id, -1);
  EXPECT_EQ(parsed.eos_token_ids, std::vector<int>{2});
}

TEST(HfConfig, RopeScalingOldAndNewKeys) {
  json config = llama();
  config["rope_scaling"] = {{"type", "linear"}, {"factor", 2.0}};
  EXPECT_EQ(parse(config).rope_scaling.type, "linear");
  EXPECT_EQ(parse(config).rope_scaling.factor, 2.0f);

  const json scaling = llama()["rope_scaling"];
  config = llama();
  config.erase("rope_scaling");
  config.erase("rope_theta");
  config["rope_parameters"] = scaling;
  config["rope_parameters"]["rope_theta"] = 500000.0;
  EXPECT_EQ(parse(config).rope_scaling.type, "llama3");
  EXPECT_EQ(parse(config).rope_scaling.factor, 32.0f);
  EXPECT_EQ(parse(config).rope_theta, 500000.0f);

  config["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 100000}};
  EXPECT_EQ(parse(config).rope_scaling.type, "none");
  EXPECT_EQ(parse(config).rope_theta, 100000.0f);

  config["rope_parameters"] = {{"rope_type", "yarn"}, {"factor", 4}};
  EXPECT_EQ(parse(config).rope_scaling.type, "yarn");
}

// What a run may reach, beside what the stretching starts from.
TEST(HfConfig, StretchedContexts) {
  json config = llama();
  config["max_position_embeddings"] = 4096;
  const auto lengths = [&](const json& scaling) {
    config["rope_scaling"] = scaling;
    const ModelConfig parsed = parse(config);
    return std::pair(parsed.rope_scaling.original_max_position_embeddings, parsed.max_position_embeddings);
  };
  EXPECT_EQ(lengths({{"type", "dynamic"}, {"factor", 2.0}}), std::pair(4096, 8192));
  EXPECT_EQ(lengths({{"type", "dynamic"}, {"factor", 2.0}, {"original_max_position_embeddings", 2048}}),
            std::pair(4096, 8192));
  EXPECT_EQ(lengths({{"type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 2048}}),
            std::pair(2048, 8192));
  EXPECT_EQ(lengths({{"type", "yarn"}, {"factor", 4.0}}), std::pair(4096, 16384));
  // A file of linear scaling may give either length: it is taken at its word.
  EXPECT_EQ(lengths({{"type", "linear"}, {"factor", 4.0}}), std::pair(4096, 4096));
}

// Keys that are in real files and say nothing, or what another key says too.
TEST(HfConfig, KeysThatChangeNothing) {
  using Keys = std::vector<std::string>;
  const auto unread = [](const json& config) { return parse(config).other_arithmetic; };
  json config = llama();
  config["max_sequence_length"] = 16384;                                               // Vicuna 16k
  config["custom_pipelines"] = {{"text-generation", {{"impl", "x"}}}};                 // Dolly
  config["activation"] = "swiglu";                                                     // Falcon 3
  config["rope_scaling"] = {{"type", "yarn"}, {"factor", 32.0}, {"finetuned", true}};  // Yarn-Llama-2
  EXPECT_EQ(unread(config), Keys{});
  config["activation"] = "relu";
  EXPECT_EQ(unread(config), Keys{"activation"});
  config["rope_scaling"] = {{"type", "linear"}, {"factor", 32.0}, {"finetuned", true}};
  EXPECT_EQ(unread(config), (Keys{"rope_scaling.finetuned", "activation"}));

  json falcon = {{"architectures", {"FalconForCausalLM"}},
                 {"model_type", "falcon"},
                 {"vocab_size", 65024},
                 {"hidden_size", 4096},
                 {"num_hidden_layers", 60},
                 {"num_attention_heads", 32},
                 {"num_kv_heads", 8},
                 {"new_decoder_architecture", true},
                 {"num_ln_in_parallel_attn", 1},
                 {"ff_factor", 4}};  // as Falcon 11B
  EXPECT_EQ(unread(falcon), Keys{});
  falcon["ff_factor"] = 3;
  EXPECT_NE(error_of(falcon).find("'ff_factor' is 3"), std::string::npos) << error_of(falcon);
}

TEST(HfConfig, KindsOfLayersThatNobodyHas) {
  json config = llama();
  config["architectures"] = {"Qwen2ForCausalLM"};
  config["num_hidden_layers"] = 3;
  config["layer_types"] = {"linear_attention", "full_attention", "linear_attention"};
  EXPECT_EQ(parse(config).other_arithmetic, std::vector<std::string>{"layer_types.linear_attention"});
  config["layer_types"] = {"full_attention", 1, "full_attention"};
  EXPECT_NE(error_of(config).find("'layer_types'"), std::string::npos);
}

TEST(HfConfig, ErrorsNameTheKey) {
  for (const char* key : {"architectures", "vocab_size", "hidden_size", "intermediate_size",
                          "num_hidden_layers", "num_attention_heads", "max_position_embeddings"}) {
    json config = llama();
    config.erase(key);
    EXPECT_NE(error_of(config).find(std::string("'") + key + "' is missing"), std::string::npos)
        << error_of(config);
  }
  for (const auto& [key, value] : {std::pair<const char*, json>{"hidden_size", "2048"},
                                   {"hidden_size", 2048.5},
                                   {"hidden_size", 0},
                                   {"hidden_size", -5},
                                   {"hidden_size", 18446744073709551615ull},
                                   {"rope_theta", "big"},
                                   {"rope_theta", -1},
                                   {"rms_norm_eps", 0},
                                   {"rms_norm_eps", json::array()},
                                   {"tie_word_embeddings", 1},
                                   {"eos_token_id", "end"},
                                   {"eos_token_id", json::array({"end"})},
                                   {"eos_token_id", -3},
                                   {"architectures", "Llama"},
                                   {"architectures", json::array()},
                                   {"rope_scaling", 8},
                                   {"hidden_act", 3}}) {
    json config = llama();
    config[key] = value;
    EXPECT_NE(error_of(config).find(key), std::string::npos)
        << key << " = " << value << ": " << error_of(config);
  }
  json config = llama();
  config["rope_scaling"].erase("factor");
  EXPECT_NE(error_of(config).find("'rope_scaling.factor' is missing"), std::string::npos) << error_of(config);
  config["rope_scaling"] = {{"factor", 1}};
  EXPECT_NE(error_of(config).find("'rope_scaling.rope_type' is missing"), std::string::npos)
      << error_of(config);
}

TEST(HfConfig, NotJson) {
  for (const char* text : {"", "{", "[1]", "null", "{\"a\":\x01}", "{\"a\": nan}", "\xFF\xFE"}) {
    EXPECT_THROW(parse_hf_config(text, "config.json"), UserError) << text;
  }
  const std::string deep(200000, '[');
  EXPECT_THROW(parse_hf_config(deep, "config.json"), UserError);
  std::string nested = R"({"a":)" + deep + std::string(200000, ']') + "}";
  EXPECT_THROW(parse_hf_config(nested, "config.json"), UserError);
}

TEST(HfConfig, UnknownModelTypesStayReadable) {
  const ModelConfig config = parse_hf_config(
      R"({"architectures": ["FalconForCausalLM"], "model_type": "falcon", "hidden_size": 4544})", "f");
  EXPECT_EQ(config.architecture, "FalconForCausalLM");
  EXPECT_EQ(config.hidden_size, 4544);
  EXPECT_EQ(config.intermediate_size, 0);
}

TEST(HfConfig, GenerationConfigWins) {
  ModelConfig config = parse(llama());
  apply_generation_config(config, R"({"eos_token_id": 7})", "generation_config.json");
  EXPECT_EQ(config.eos_token_ids, std::vector<int>{7});
  apply_generation_config(config, R"({"temperature": 0.6})", "generation_config.json");
  EXPECT_EQ(config.eos_token_ids, std::vector<int>{7});
  EXPECT_THROW(apply_generation_config(config, R"({"eos_token_id": true})", "generation_config.json"),
               UserError);
}

std::string error_of_text(const std::string& text) {
  try {
    parse_hf_config(text, "config.json", models::family_formats());
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(HfConfig, ErrorsHaveNoMoreThanTheFilesFault) {
  EXPECT_EQ(
      error_of_text(R"({"rope_theta": 1e999})"),
      "config.json is not valid JSON: number overflow parsing '1e999': correct the file or get it again");
  EXPECT_TRUE(
      error_of_text("{").starts_with("config.json is not valid JSON: parse error at line 1, column 2"));
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  EXPECT_EQ(error_of_text(R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": )" +
                          deep + "}"),
            "config.json cannot be used: 'vocab_size' is array: it must be an integer of at least 1");
}

// As google/gemma-2-9b's config.json does.
TEST(HfConfig, GemmaMayWriteItsWindowTwice) {
  json config{{"architectures", {"Gemma2ForCausalLM"}},
              {"model_type", "gemma2"},
              {"vocab_size", 256},
              {"hidden_size", 64},
              {"intermediate_size", 128},
              {"num_hidden_layers", 2},
              {"num_attention_heads", 4},
              {"num_key_value_heads", 2},
              {"head_dim", 16},
              {"hidden_activation", "gelu_pytorch_tanh"},
              {"max_position_embeddings", 512},
              {"sliding_window", 64},
              {"sliding_window_size", 64}};
  const auto parsed = [&] { return parse_hf_config(config.dump(), "config.json", models::family_formats()); };
  EXPECT_TRUE(parsed().other_arithmetic.empty());
  EXPECT_EQ(parsed().sliding_windows, (std::vector<int>{64, 0}));
  config["sliding_window_size"] = 32;
  EXPECT_THROW(parsed(), UserError);
}

TEST(HfConfig, TokenizerConfig) {
  TokenizerFiles files;
  apply_tokenizer_config(files, R"({"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false},
    "add_bos_token": true, "chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]})",
                         "tokenizer_config.json");
  EXPECT_EQ(files.bos_token, "<s>");
  EXPECT_EQ(files.eos_token, "</s>");
  EXPECT_EQ(files.chat_template, "D");
  apply_tokenizer_config(files, R"({"bos_token": null, "chat_template": "S"})", "tokenizer_config.json");
  EXPECT_EQ(files.bos_token, "");
  EXPECT_EQ(files.chat_template, "S");
  for (const char* bad :
       {R"({"bos_token": 1})", R"({"eos_token": {"content": 1}})", R"({"chat_template": 1})",
        R"({"chat_template": [1]})", R"({"chat_template": [{"name": "default"}]})"}) {
    EXPECT_THROW(apply_tokenizer_config(files, bad, "tokenizer_config.json"), UserError) << bad;
  }
}

}  // namespace
}  // namespace tessera::io
