#include <gtest/gtest.h>

#include <cmath>

#include "report/bringup_json.hpp"
#include "sample_report.hpp"
#include "util/error.hpp"

namespace tessera::report::test {
namespace {

using Json = nlohmann::ordered_json;

TEST(BringupJson, ReadsBackWhatItWrote) {
  const BringupReport report = sample_report();
  EXPECT_EQ(from_json(to_json(report)), report);
  EXPECT_EQ(from_json(Json::parse(json_text(report))), report);
  EXPECT_EQ(from_json(to_json(sparse_report())), sparse_report());
}

TEST(BringupJson, WritesFiguresThatAreNotFiniteAsNull) {
  BringupReport report = sample_report();
  report.ops[0].max_abs = HUGE_VAL;
  report.accuracy[0].positions[1].kl = std::nan("");
  const Json json = Json::parse(json_text(report));
  EXPECT_TRUE(json["ops"][0]["max_abs"].is_null());
  EXPECT_TRUE(json["accuracies"][0]["positions"][1]["kl"].is_null());
  EXPECT_EQ(from_json(json).ops[0].max_abs, HUGE_VAL);
}

TEST(BringupJson, HasTheKeysThatScriptsRelyOn) {
  const Json json = to_json(sample_report());
  const auto expect_keys = [](const Json& object, std::initializer_list<const char*> keys) {
    for (const char* key : keys) EXPECT_TRUE(object.contains(key)) << key << " in " << object.dump();
  };
  expect_keys(json, {"model", "device", "engine", "precision", "checklist", "ops", "layers", "accuracy",
                     "generation", "memory", "performance"});
  expect_keys(json["checklist"][0], {"item", "title", "status", "reason", "evidence"});
  expect_keys(json["ops"][0], {"mode", "layer", "path", "op", "pcc", "max_abs", "rel_l2", "pass"});
  expect_keys(json["layers"][0], {"mode", "layer", "pcc", "max_abs", "rel_l2", "pass", "ms"});
  expect_keys(json["accuracy"],
              {"tokens", "top1", "top5", "kl_mean", "final_pcc", "max_abs", "rel_l2", "pass", "ms"});
  expect_keys(json["generation"], {"prompt", "text", "tokens"});
  expect_keys(json["memory"], {"weights_bytes", "kv_bytes", "peak_bytes"});
  expect_keys(json["performance"], {"prefill_tok_s", "decode_tok_s", "ttft_ms", "traced", "eager"});
}

// Scripts find the keys of a phase that was not run, too.
TEST(BringupJson, KeysOfPhasesThatWereNotRunAreNull) {
  const Json full = to_json(sample_report()), sparse = to_json(sparse_report());
  for (const char* part : {"accuracy", "generation", "memory", "performance"}) {
    for (const auto& [key, value] : full[part].items()) {
      ASSERT_TRUE(sparse[part].contains(key)) << part << ' ' << key;
      if (!value.is_object()) {
        EXPECT_TRUE(sparse[part][key].is_null()) << part << ' ' << key;
      }
    }
  }
  for (const auto& [key, value] : sparse["performance"]["eager"].items()) EXPECT_TRUE(value.is_null()) << key;
  for (const char* key : {"rel_l2", "ms"}) EXPECT_TRUE(full["equivalences"][0].contains(key)) << key;
}

TEST(BringupJson, StatesTheThresholds) {
  EXPECT_EQ(to_json(sample_report())["thresholds"], (Json{{"layer", 0.998}, {"top1", 92.5}}));
}

TEST(BringupJson, StatesTheStatusesInWords) {
  const Json json = to_json(sample_report());
  EXPECT_EQ(json["checklist"][0]["status"], "pass");
  EXPECT_EQ(json["checklist"][1]["status"], "fail");
  EXPECT_EQ(json["checklist"][9]["status"], "skipped");
}

TEST(BringupJson, ReplacesBytesThatAreNotUtf8) {
  BringupReport report = sample_report();
  report.generations[0].text = "half \xE2\x82";
  report.accuracy[0].positions[0].text = "\xFF";
  const BringupReport read = from_json(Json::parse(json_text(report)));
  EXPECT_EQ(read.generations[0].text, "half \uFFFD");
  EXPECT_EQ(read.accuracy[0].positions[0].text, "\uFFFD");
}

TEST(BringupJson, RefusesWhatIsNotAReport) {
  EXPECT_THROW(from_json(Json::object()), UserError);
  Json json = to_json(sample_report());
  json["ops"][0]["pcc"] = "high";
  EXPECT_THROW(from_json(json), UserError);
}

}  // namespace
}  // namespace tessera::report::test
