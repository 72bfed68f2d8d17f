// Real models of other families than Llama against Hugging Face's figures. Fails when they are not there:
// scripts/fetch_test_models.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "generate/generate_text.hpp"
#include "io/catalogue.hpp"
#include "io/golden.hpp"
#include "ladder.hpp"
#include "models/load_model.hpp"
#include "verify/bringup.hpp"

namespace tessera::verify {
namespace {

class RealFamilies : public ::testing::TestWithParam<const char*> {
 protected:
  std::string golden_file() const {
    return std::string(TESSERA_TEST_DATA "/golden/") + GetParam() + ".safetensors";
  }
  report::BringupReport bring_up(const std::string& precision, std::vector<int> phases) const {
    const io::test::TempFolder out;
    BringupOptions options;
    options.model = GetParam();
    options.precision = precision;
    options.phases = std::move(phases);
    options.golden = golden_file();
    options.out = out.path();
    return run_bringup(options);
  }
};

// All phases, the mesh of two with tensor parallel among them.
TEST_P(RealFamilies, TheLadderPassesWithBfloat8Weights) {
  const auto report = bring_up("accuracy", {});
  for (int i = 1; i <= 10; ++i) {
    EXPECT_EQ(test::item(report, i).status, report::Status::Pass)
        << i << ": " << test::item(report, i).reason;
  }
  ASSERT_EQ(report.accuracy.size(), 2u);
  EXPECT_GE(report.accuracy[1].tokens, 200);
  for (const auto& accuracy : report.accuracy) {
    EXPECT_GE(accuracy.top1, 95.0) << accuracy.text;
    EXPECT_GE(accuracy.final_pcc, 0.99) << accuracy.text;
  }
}

TEST_P(RealFamilies, PromptsAreContinuedAsTransformersDoes) {
  const io::Golden golden = io::read_golden(golden_file());
  ASSERT_GE(golden.greedy.size(), 3u);
  const Session s = open_session(models::open_checkpoint(io::resolve_model(GetParam())), {});
  EXPECT_EQ(golden.content_hash, s.checkpoint->content_hash());
  std::vector<generate::Request> requests;
  for (std::size_t p = 0; p < golden.greedy.size(); ++p) {
    ASSERT_EQ(golden.greedy[p].ids.size(), 64u);
    EXPECT_EQ(s.tokenizer->encode(golden.prompts[p]), golden.greedy[p].prompt_ids) << golden.prompts[p];
    requests.push_back({.prompt = golden.greedy[p].prompt_ids, .max_new_tokens = 64});
  }
  generate::Generator generator(*s.reference,
                                {.users = static_cast<int>(requests.size()), .context = s.context});
  const auto results = generate::generate(generator, requests);
  for (std::size_t p = 0; p < requests.size(); ++p) {
    EXPECT_EQ(results[p].tokens, golden.greedy[p].ids) << golden.prompts[p];
  }
}

std::string name_of(const ::testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::ranges::replace_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Nightly, RealFamilies, ::testing::Values("gemma-3-270m", "qwen2.5-coder-1.5b"),
                         name_of);

}  // namespace
}  // namespace tessera::verify
