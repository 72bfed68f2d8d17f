// Item 1: the reference against goldens, right and wrong.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "generate/generate_text.hpp"
#include "io/golden.hpp"
#include "ladder.hpp"
#include "metrics/logits.hpp"
#include "util/error.hpp"
#include "util/file.hpp"
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
  golden.forced = {run.ids, top_k(run, 8), {}};
  for (std::size_t row = 0; row < run.ids.size(); ++row)
    golden.forced.logsumexp.push_back(static_cast<float>(metrics::logsumexp(run.row(row))));
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
  EXPECT_NE(entry.evidence.find("hidden states of each token within 0.0e+00"), std::string::npos)
      << entry.evidence;
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
  EXPECT_EQ(found->sha256.size(), 64u);
  report::BringupReport report;
  EXPECT_EQ(checked(ladder.session, found->golden, report).status, report::Status::Pass);
  EXPECT_FALSE(find_golden("", std::string(64, '0')).has_value());
}

TEST(Baseline, GoldensAreFoundInSeveralFoldersBesideUnreadableFiles) {
  Ladder ladder;
  const auto root = ladder.files().root();
  for (const char* folder : {"first", "second"}) std::filesystem::create_directories(root / folder);
  write_text_file(root / "first" / "a.safetensors", "not a golden file");
  io::write_golden(root / "second" / "tiny.safetensors", golden_of(ladder.session));
  const std::string list = (root / "first").string() + "::" + (root / "second").string();
  const io::test::ScopedEnvironment folders("TESSERA_GOLDENS", list);
  testing::internal::CaptureStderr();
  const auto found = find_golden("", ladder.session.checkpoint->content_hash());
  const std::string said = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->golden.source, "a good reference");
  EXPECT_NE(said.find("first/a.safetensors"), std::string::npos) << said;
  // Named, it must be readable.
  EXPECT_THROW(find_golden((root / "first" / "a.safetensors").string(), ""), UserError);
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
  EXPECT_NE(entry.reason.find("hidden states of layer 0, token "), std::string::npos) << entry.reason;
}

TEST(Baseline, NamesTheFirstLayerOutOfLine) {
  Ladder ladder;
  const io::Golden golden = golden_of(ladder.session);
  ladder.session.reference->layers[1].mlp_norm->epsilon = 1e-3f;
  report::BringupReport report;
  const auto& entry = checked(ladder.session, golden, report);
  EXPECT_EQ(entry.status, report::Status::Fail);
  EXPECT_NE(entry.reason.find("hidden states of layer 1, token "), std::string::npos) << entry.reason;
}

// A second token with the same row of the head: its logit is the same to the bit.
std::int32_t add_twin(Session& session, std::int32_t token) {
  Tensor& head = session.reference->lm_head.weight;
  std::vector<float> values = head.to_vector();  // [hidden, vocab]
  const auto vocab = static_cast<std::size_t>(head.logical_shape()[-1]);
  const std::size_t twin = static_cast<std::size_t>(token) + 1 < vocab ? static_cast<std::size_t>(token) + 1
                                                                       : static_cast<std::size_t>(token) - 1;
  for (std::size_t row = 0; row < values.size() / vocab; ++row)
    values[row * vocab + twin] = values[row * vocab + static_cast<std::size_t>(token)];
  head = to_device(head.device(), std::span<const float>(values), head.spec(), head.memory_config())
             .set_constant();
  return static_cast<std::int32_t>(twin);
}

TEST(Baseline, GreedyTokensMayDifferOnlyAtATie) {
  Ladder ladder;
  io::Golden golden = golden_of(ladder.session);
  golden.hidden = {};
  golden.forced = {};
  std::int32_t& last = golden.greedy[0].ids.back();
  const std::int32_t right = last;
  last = right == 5 ? 6 : 5;
  report::BringupReport report;
  const auto& wrong = checked(ladder.session, golden, report);
  EXPECT_EQ(wrong.status, report::Status::Fail);
  EXPECT_NE(wrong.reason.find("1 greedy tokens differ at a margin above"), std::string::npos) << wrong.reason;
  // A golden that calls it a tie between its own two: our logits say that it is none with this token.
  golden.greedy[0].margins.back() = 1e-5f;
  EXPECT_EQ(checked(ladder.session, golden, report).status, report::Status::Fail);

  last = add_twin(ladder.session, right);
  EXPECT_EQ(checked(ladder.session, golden, report).status, report::Status::Pass);
  golden.greedy[0].margins.back() = 1.0f;
  const bool twin_wins = last < right;  // of equal logits the lower id
  EXPECT_EQ(checked(ladder.session, golden, report).status,
            twin_wins ? report::Status::Pass : report::Status::Fail);
}

// With one logit a position there is no margin to know a tie by.
TEST(Baseline, ForcedTokensWithOneLogitMustBeTheSame) {
  Ladder ladder;
  io::Golden golden = golden_of(ladder.session);
  golden.hidden = {};
  golden.greedy.clear();
  const ForcedRun run = forced_prefill(*ladder.session.reference, golden.forced.ids, ladder.session.context);
  golden.forced.topk = top_k(run, 1);
  report::BringupReport report;
  EXPECT_EQ(checked(ladder.session, golden, report).status, report::Status::Pass);
  // Another id whose logit is as we have it: only that it is not the best says so.
  auto& id = golden.forced.topk.ids[3];
  id = id == 5 ? 6 : 5;
  golden.forced.topk.logits[3] = run.row(3)[static_cast<std::size_t>(id)];
  const auto& entry = checked(ladder.session, golden, report);
  EXPECT_EQ(entry.status, report::Status::Fail);
  EXPECT_NE(entry.reason.find("1 of 40 forced tokens differ at a margin above"), std::string::npos)
      << entry.reason;
}

TEST(Baseline, LogitsAndTheirSumAreJudged) {
  Ladder ladder;
  const io::Golden good = golden_of(ladder.session);
  const auto reason = [&](const std::function<void(io::Golden&)>& change) {
    io::Golden golden = good;
    change(golden);
    report::BringupReport report;
    const auto& entry = checked(ladder.session, golden, report);
    EXPECT_EQ(entry.status, report::Status::Fail);
    return entry.reason;
  };
  const auto affine = [](std::vector<float>& logits) {
    for (float& logit : logits) logit = 2 * logit + 3;
  };
  EXPECT_NE(reason([&](auto& g) { affine(g.forced.topk.logits); }).find("logits of forced token"),
            std::string::npos);
  EXPECT_NE(reason([&](auto& g) { affine(g.hidden.topk.logits); }).find("logits of short token"),
            std::string::npos);
  EXPECT_NE(reason([](auto& g) { g.forced.logsumexp[7] += 0.5f; }).find("logits of forced token 7 off"),
            std::string::npos);
}

// One token's hidden states beside those of another that is ten thousand times as large.
TEST(Baseline, EveryTokenIsJudgedByItsOwnSize) {
  Ladder ladder;
  const std::vector<std::int32_t> ids = ladder.session.forced_tokens(40);
  Tensor& table = ladder.session.reference->embed_tokens.weight;
  std::vector<float> values = table.to_vector();  // [vocab, hidden]
  const auto width = static_cast<std::size_t>(ladder.session.config().hidden_size);
  for (std::size_t i = 0; i < width; ++i) values[static_cast<std::size_t>(ids[0]) * width + i] *= 1e4f;
  table = to_device(table.device(), std::span<const float>(values), table.spec(), table.memory_config())
              .set_constant();
  const auto other = static_cast<std::size_t>(
      std::ranges::find_if(ids, [&](std::int32_t id) { return id != ids[0]; }) - ids.begin());
  io::Golden golden = golden_of(ladder.session);
  golden.forced = {};
  golden.greedy.clear();
  report::BringupReport report;
  EXPECT_EQ(checked(ladder.session, golden, report).status, report::Status::Pass);
  for (std::size_t i = 0; i < width; ++i) golden.hidden.layers[0][other * width + i] *= 1.5f;
  const auto& entry = checked(ladder.session, golden, report);
  EXPECT_EQ(entry.status, report::Status::Fail);
  EXPECT_NE(entry.reason.find(fmt::format("hidden states of the embedding, token {} off by", other)),
            std::string::npos)
      << entry.reason;
}

TEST(Baseline, NothingToCompareIsNoPass) {
  Ladder ladder;
  for (const bool prompts : {false, true}) {
    io::Golden golden;
    golden.source = "a good reference";
    if (prompts) golden.greedy.push_back({});
    report::BringupReport report;
    const auto& entry = checked(ladder.session, golden, report);
    EXPECT_EQ(entry.status, report::Status::Skipped);
    EXPECT_NE(entry.reason.find("nothing to compare with"), std::string::npos) << entry.reason;
  }
}

TEST(Baseline, OurOwnGoldenIsNoEvidenceButMayFail) {
  Ladder ladder;
  io::Golden golden = golden_of(ladder.session);
  golden.source = "tessera 0.0.9, ref engine";
  report::BringupReport report;
  const auto& same = checked(ladder.session, golden, report);
  EXPECT_EQ(same.status, report::Status::Skipped);
  EXPECT_NE(same.reason.find("no evidence from outside"), std::string::npos) << same.reason;
  EXPECT_NE(same.evidence.find("40 of 40 forced tokens"), std::string::npos) << same.evidence;
  golden.forced.topk.logits[0] += 1;
  EXPECT_EQ(checked(ladder.session, golden, report).status, report::Status::Fail);
}

TEST(Baseline, AGoldenBeyondTheContextIsComparedAsFarAsItGoes) {
  Ladder ladder;
  const io::Golden golden = golden_of(ladder.session);
  const std::size_t prompt = golden.greedy[0].prompt_ids.size();
  ladder.session.context = static_cast<int>(prompt) + 5;
  report::BringupReport report;
  const auto& entry = checked(ladder.session, golden, report);
  EXPECT_EQ(entry.status, report::Status::Pass) << entry.reason;
  // Six tokens: the last comes from the logits at the last position.
  const std::size_t other = std::min<std::size_t>(12, prompt + 6 - golden.greedy[1].prompt_ids.size());
  EXPECT_NE(entry.evidence.find(fmt::format("{0} of {0} tokens the same", 6 + other)), std::string::npos)
      << entry.evidence;
  EXPECT_NE(entry.evidence.find(fmt::format("{} beyond the {} positions", 18 - other, prompt + 5)),
            std::string::npos)
      << entry.evidence;

  ladder.session.context = static_cast<int>(prompt) - 1;  // the longer prompt does not fit at all
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
