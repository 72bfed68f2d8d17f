// Item 1: the reference against goldens, right and wrong.
#include <gtest/gtest.h>

#include "generate/generate_text.hpp"
#include "io/golden.hpp"
#include "ladder.hpp"
#include "metrics/logits.hpp"
#include "verify/forced.hpp"
#include "verify/golden_lookup.hpp"

namespace tessera::verify {
namespace {

using test::item;
using test::Ladder;

io::GoldenTopK top_k(const ForcedRun& run, std::int64_t k) {
  io::GoldenTopK result{k, {}, {}};
  for (std::size_t row = 0; row < run.ids.size(); ++row) {
    for (const std::int32_t id : metrics::topk(run.row(row), static_cast<std::size_t>(k))) {
      result.ids.push_back(id);
      result.logits.push_back(run.row(row)[static_cast<std::size_t>(id)]);
    }
  }
  return result;
}

// What the reference of a session gives, as a golden.
io::Golden golden_of(const Session& s) {
  io::Golden golden;
  golden.model = "tiny";
  golden.source = "a good reference";
  golden.content_hash = s.checkpoint->content_hash();
  const ForcedRun run = forced_prefill(*s.reference, s.forced_tokens(40), s.context);
  golden.forced = {run.ids, top_k(run, 8), std::vector<float>(run.ids.size(), 0.0f)};
  golden.hidden.ids = run.ids;
  golden.hidden.hidden_size = s.config().hidden_size;
  golden.hidden.layers = run.layers;
  golden.hidden.layers.insert(golden.hidden.layers.begin(), run.embedding);
  golden.hidden.final_norm = run.final_norm;
  golden.hidden.topk = top_k(run, 8);
  for (const std::string prompt : {"Hello, how are you?", "One"}) {
    generate::Generator generator(*s.reference, {.users = 1, .context = s.context});
    generate::Request request;
    request.prompt = s.tokenizer->encode(prompt);
    request.max_new_tokens = 12;
    golden.prompts.push_back(prompt);
    golden.greedy.push_back({request.prompt, generate::generate(generator, std::span(&request, 1))[0].tokens,
                             std::vector<float>(12, 1.0f)});
  }
  return golden;
}

const report::ChecklistItem& checked(Session& session, const io::Golden& golden,
                                     report::BringupReport& report) {
  run_baseline(session, &golden, report);
  return item(report, 1);
}

TEST(Baseline, ItsOwnGoldenPasses) {
  Ladder ladder;
  report::BringupReport report;
  const auto& entry = checked(ladder.session, golden_of(ladder.session), report);
  EXPECT_EQ(entry.status, report::Status::Pass) << entry.reason;
  EXPECT_NE(entry.evidence.find("hidden states within 0.0e+00"), std::string::npos) << entry.evidence;
  EXPECT_NE(entry.evidence.find("40 of 40 forced tokens"), std::string::npos);
  EXPECT_NE(entry.evidence.find("24 of 24 tokens the same"), std::string::npos);
  EXPECT_NE(report.baseline.find("a good reference"), std::string::npos);
}

// tests/data/verify: make_tiny_checkpoint FOLDER [--odd], then
// python -m tessera_golden FOLDER --forced-tokens 60 --greedy-tokens 24.
TEST(Baseline, HuggingFaceAgreesOnTheTinyModels) {
  const std::vector<std::pair<const char*, tessera::test::TinyOptions>> models{
      {TESSERA_TEST_DATA "/verify/tiny.safetensors", {}},
      {TESSERA_TEST_DATA "/verify/odd.safetensors", tessera::test::odd_options()}};
  for (const auto& [file, options] : models) {
    const io::Golden golden = io::read_golden(file);
    EXPECT_EQ(golden.source.substr(0, 12), "transformers");
    for (const bool gguf : {false, true}) {
      Ladder ladder(options, gguf);
      report::BringupReport report;
      const auto& entry = checked(ladder.session, golden, report);
      EXPECT_EQ(entry.status, report::Status::Pass) << file << ": " << entry.reason;
      EXPECT_NE(entry.evidence.find("60 of 60 forced tokens"), std::string::npos) << entry.evidence;
      EXPECT_NE(entry.evidence.find("5 prompts: 120 of 120 tokens"), std::string::npos) << entry.evidence;
    }
  }
}

TEST(Baseline, GoldenFileSurvivesTheDisk) {
  Ladder ladder;
  const auto path = ladder.files().root() / "goldens" / "tiny.safetensors";
  std::filesystem::create_directories(path.parent_path());
  io::write_golden(path, golden_of(ladder.session));
  const io::test::ScopedEnvironment folder("TESSERA_GOLDENS", path.parent_path());
  const auto found = find_golden("", ladder.session.checkpoint->content_hash());
  ASSERT_TRUE(found.has_value());
  report::BringupReport report;
  EXPECT_EQ(checked(ladder.session, *found, report).status, report::Status::Pass);
  EXPECT_FALSE(find_golden("", std::string(64, '0')).has_value());
}

// The loader's faults hit the reference and the device alike: only the golden shows them.
TEST(Baseline, RopeWithoutUnpermuteOnBothSides) {
  Ladder good, bad(test::ladder_options(), true);
  io::ModelConfig config = bad.session.config();
  ASSERT_EQ(config.rope_form, io::RopeForm::Pairs);
  report::BringupReport report;
  EXPECT_EQ(checked(bad.session, golden_of(good.session), report).status, report::Status::Pass);
  config.rope_form = io::RopeForm::Halves;
  bad.session.reference->rope =
      nn::Rope(*bad.session.reference_device, config, bad.session.reference->max_seq);
  const auto& entry = checked(bad.session, golden_of(good.session), report);
  EXPECT_EQ(entry.status, report::Status::Fail);
  EXPECT_NE(entry.reason.find("hidden states of layer 0 off by"), std::string::npos) << entry.reason;
}

TEST(Baseline, NamesTheFirstLayerOutOfLine) {
  Ladder ladder;
  const io::Golden golden = golden_of(ladder.session);
  ladder.session.reference->layers[1].post_attention_layernorm.epsilon = 1e-3f;
  report::BringupReport report;
  const auto& entry = checked(ladder.session, golden, report);
  EXPECT_EQ(entry.status, report::Status::Fail);
  EXPECT_NE(entry.reason.find("hidden states of layer 1 off by"), std::string::npos) << entry.reason;
}

TEST(Baseline, TokensMayDifferOnlyAtATie) {
  Ladder ladder;
  io::Golden golden = golden_of(ladder.session);
  golden.hidden = {};
  golden.forced = {};
  const std::int32_t right = golden.greedy[0].ids.back();
  golden.greedy[0].ids.back() = right == 5 ? 6 : 5;
  report::BringupReport report;
  const auto& wrong = checked(ladder.session, golden, report);
  EXPECT_EQ(wrong.status, report::Status::Fail);
  EXPECT_NE(wrong.reason.find("1 greedy tokens differ at a margin above"), std::string::npos) << wrong.reason;
  golden.greedy[0].margins.back() = 1e-5f;
  EXPECT_EQ(checked(ladder.session, golden, report).status, report::Status::Pass);
}

TEST(Baseline, AnotherNumberOfLayersFails) {
  Ladder ladder;
  io::Golden golden = golden_of(ladder.session);
  golden.hidden.layers.pop_back();
  report::BringupReport report;
  const auto& entry = checked(ladder.session, golden, report);
  EXPECT_EQ(entry.status, report::Status::Fail);
  EXPECT_NE(entry.reason.find("the golden has 2 layers, the model 3"), std::string::npos) << entry.reason;
}

}  // namespace
}  // namespace tessera::verify
