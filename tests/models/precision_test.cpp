#include "models/precision.hpp"

#include <gtest/gtest.h>

#include <set>

#include "io/temp_folder.hpp"
#include "util/error.hpp"

namespace tessera::models {
namespace {

class PrecisionFile : public ::testing::Test {
 protected:
  Precision parse(std::string_view text) const {
    return parse_precision(temp_.write("p.json", text).string());
  }
  void refused(std::string_view text, const std::string& part) const {
    try {
      parse(text);
      ADD_FAILURE() << "read: " << text;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }
  io::test::TempFolder temp_;
};

TEST(Precision, Presets) {
  const Precision accuracy = parse_precision("accuracy");
  EXPECT_EQ(accuracy.name, "accuracy");
  EXPECT_EQ(accuracy.decoder.ff1_ff3, DataType::BFLOAT8_B);
  EXPECT_EQ(accuracy.lm_head, DataType::BFLOAT8_B);
  EXPECT_EQ(accuracy.embedding, DataType::BFLOAT16);
  const Precision performance = parse_precision("performance");
  EXPECT_EQ(performance.decoder.ff1_ff3, DataType::BFLOAT4_B);
  EXPECT_EQ(performance.decoder.ff2, DataType::BFLOAT8_B);
  EXPECT_EQ(parse_precision("bfp4").decoder.ff2, DataType::BFLOAT4_B);
  EXPECT_EQ(parse_precision("bfp4").lm_head, DataType::BFLOAT4_B);
  EXPECT_EQ(parse_precision("bf16").decoder.wqkv, DataType::BFLOAT16);
  EXPECT_EQ(parse_precision("fp32").kv_cache, DataType::FLOAT32);
  EXPECT_EQ(parse_precision("fp32").norm, DataType::FLOAT32);
  EXPECT_THROW(parse_precision("Accuracy"), UserError);
  EXPECT_THROW(parse_precision(""), UserError);
  EXPECT_THROW(parse_precision("/nowhere/p.json"), UserError);
}

TEST(Precision, FingerprintsDifferWhereWeightsDo) {
  std::set<std::string> all;
  for (const char* name : {"accuracy", "performance", "bfp4", "bf16", "fp32"})
    all.insert(parse_precision(name).fingerprint());
  EXPECT_EQ(all.size(), 5u);
  Precision p = parse_precision("accuracy");
  p.overrides[2].wo = DataType::BFLOAT4_B;
  all.insert(p.fingerprint());
  p.overrides[3] = p.overrides[2];
  all.insert(p.fingerprint());
  EXPECT_EQ(all.size(), 7u);
  // The cache of keys and values is no weight.
  Precision q = parse_precision("accuracy");
  q.kv_cache = DataType::BFLOAT8_B;
  EXPECT_EQ(q.fingerprint(), parse_precision("accuracy").fingerprint());
}

// TT-Transformers' file for Llama-3.1-8B-Instruct.
TEST_F(PrecisionFile, OneLayerOverThePreset) {
  const Precision p = parse(R"({"decoders": {"31": {"precision_cfg": {"FF1_FF3": "BFP8"},
                                                    "fidelity_cfg": {"LI_FF1_FF3": "HIFI2_FP16"}}}})");
  EXPECT_EQ(p.layer(31).ff1_ff3, DataType::BFLOAT8_B);
  EXPECT_EQ(p.overrides.size(), 1u);
  EXPECT_EQ(p.layer(30).ff1_ff3, parse_precision("accuracy").decoder.ff1_ff3);
}

// The same for Qwen2.5-7B-Instruct, whose 28 layers are alike.
TEST_F(PrecisionFile, AllGroups) {
  std::string layers;
  for (int i = 0; i < 28; ++i) {
    layers += fmt::format(R"({}"{}": {{"precision_cfg": {{"FF1_FF3": "BFP4", "FF2": "BFP8", "WQKV": "BF16",)"
                          R"("WO": "BF16", "KV_CACHE": "BFP8", "ACTIVATION": "BF16"}}}})",
                          i == 0 ? "" : ", ", i);
  }
  const Precision p = parse("{\"decoders\": {" + layers + "}}");
  EXPECT_EQ(p.overrides.size(), 28u);
  EXPECT_EQ(p.layer(27).ff1_ff3, DataType::BFLOAT4_B);
  EXPECT_EQ(p.layer(27).ff2, DataType::BFLOAT8_B);
  EXPECT_EQ(p.layer(27).wqkv, DataType::BFLOAT16);
  EXPECT_EQ(p.layer(27).wo, DataType::BFLOAT16);
  EXPECT_EQ(p.kv_cache, DataType::BFLOAT8_B);
  EXPECT_EQ(p.activation, DataType::BFLOAT16);
}

TEST_F(PrecisionFile, NullLeavesThePreset) {
  const Precision p = parse(R"({"decoders": {"0": {"precision_cfg": {"WO": null}}, "1": {}}})");
  EXPECT_EQ(p.layer(0).wo, DataType::BFLOAT8_B);
  EXPECT_EQ(p.layer(1).wo, DataType::BFLOAT8_B);
}

TEST_F(PrecisionFile, StandsOnTheBaseThatItNames) {
  const Precision p = parse(R"({"base": "bfp4", "decoders": {"1": {"precision_cfg": {"WO": "BF16"}}}})");
  EXPECT_EQ(p.lm_head, DataType::BFLOAT4_B);
  EXPECT_EQ(p.layer(0).wo, DataType::BFLOAT4_B);
  EXPECT_EQ(p.layer(1).wo, DataType::BFLOAT16);
  EXPECT_EQ(p.layer(1).ff2, DataType::BFLOAT4_B);
}

TEST_F(PrecisionFile, WhatIsRefused) {
  refused(R"({"base": "no", "decoders": {}})", "unknown precision: \"no\"");
  refused(R"({"base": "other.json", "decoders": {}})", "base is other.json: a preset expected");
  refused(R"({"base": 8, "decoders": {}})", "not a precision file");
  refused("[]", "the file is array");
  refused("{", "not a precision file");
  refused("{}", "not a precision file");
  refused(R"({"decoders": {"x": {}}})", "decoder \"x\"");
  refused(R"({"decoders": {"-1": {}}})", "decoder \"-1\"");
  refused(R"({"decoder": {}})", "unknown key \"decoder\" in the file");
  refused(R"({"decoders": {}, "default": {}})", "unknown key \"default\"");
  refused(R"({"decoders": {"0": {"precison_cfg": {"WO": "BF16"}}}})",
          "unknown key \"precison_cfg\" in decoder 0");
  refused(R"({"decoders": [{}]})", "decoders is array");
  for (const char* wrong : {"[]", "null", "\"BFP8\"", "[\"precision_cfg\"]"}) {
    refused(fmt::format(R"({{"decoders": {{"0": {}}}}})", wrong), "decoder 0 is ");
    refused(fmt::format(R"({{"decoders": {{"0": {{"precision_cfg": {}}}}}}})", wrong), "");
    refused(fmt::format(R"({{"decoders": {{"0": {{"fidelity_cfg": {}}}}}}})", wrong), "");
  }
  refused(R"({"decoders": {"0": {"precision_cfg": {"FF9": "BFP8"}}}})", "\"FF9\"");
  refused(R"({"decoders": {"0": {"precision_cfg": {"WO": "BFP3"}}}})", "BFP3");
  refused(R"({"decoders": {"0": {"precision_cfg": {"WO": 8}}}})", "not a precision file");
  refused(R"({"decoders": {"0": {"precision_cfg": {"WO": "INT32"}}}})", "WO is int32");
  for (const char* dtype : {"BFP4", "INT32", "UINT32"}) {
    refused(fmt::format(R"({{"decoders": {{"0": {{"precision_cfg": {{"KV_CACHE": "{}"}}}}}}}})", dtype),
            "BFP8, BF16 or float32 expected");
  }
  refused(R"({"decoders": {"0": {"precision_cfg": {"ACTIVATION": "BFP8"}}}})", "ACTIVATION is bfloat8_b");
  refused(
      R"({"decoders": {"0": {"precision_cfg": {"KV_CACHE": "BFP8"}}, "1": {"precision_cfg": {"KV_CACHE": "BF16"}}}})",
      "KV_CACHE is bfloat16 in decoder 1 and bfloat8_b before");
}

TEST_F(PrecisionFile, LayersThatTheModelDoesNotHave) {
  const Precision p = parse(R"({"decoders": {"2": {"precision_cfg": {"WO": "BFP4"}}}})");
  EXPECT_NO_THROW(p.check_layers(3));
  EXPECT_THROW(p.check_layers(2), UserError);
  EXPECT_NO_THROW(parse_precision("performance").check_layers(1));
}

}  // namespace
}  // namespace tessera::models
