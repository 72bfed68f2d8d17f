// Users do not disturb each other.
#include "generate_fixture.hpp"

namespace tessera::generate {
namespace {

using test::prompt_of;

class Batch : public test::OnEveryEngine {};

TEST_P(Batch, ThirtyTwoUsersGetWhatEachGetsAlone) {
  std::vector<Request> requests;
  for (std::size_t u = 0; u < 32; ++u) {
    Request request{.prompt = prompt_of(1 + (u * 13) % 71, u)};
    request.max_new_tokens = 6 + static_cast<int>(u % 7);
    requests.push_back(request);
  }
  Generator together(model(), {.users = 32, .page_seed = 21, .poison_cache = true});
  const auto results = generate(together, requests);
  std::set<std::vector<std::int32_t>> different;
  for (std::size_t u = 0; u < 32; ++u) {
    EXPECT_EQ(results[u].tokens, greedy(requests[u].prompt, requests[u].max_new_tokens)) << u;
    EXPECT_EQ(results[u].finish_reason, "length");
    different.insert(results[u].tokens);
  }
  EXPECT_GT(different.size(), 25u);  // or the prompts would prove nothing
}

TEST_P(Batch, EqualPromptsGiveEqualRows) {
  const auto prompt = prompt_of(37, 4);
  Generator generator(model(), {.users = 32, .page_seed = 2, .poison_cache = true});
  for (int u = 0; u < 32; ++u) generator.prefill(prompt, u);
  const std::vector<std::int32_t> tokens(32, 555), positions(32, 37);
  const std::vector<float> logits = generator.decode(tokens, positions).to_vector();
  const auto vocab = static_cast<std::ptrdiff_t>(logits.size() / 32);
  for (std::ptrdiff_t u = 1; u < 32; ++u) {
    EXPECT_TRUE(std::equal(logits.begin(), logits.begin() + vocab, logits.begin() + u * vocab)) << u;
  }
}

TEST_P(Batch, IdleUsersChangeNothingAndMayComeBack) {
  const auto first = prompt_of(20, 7), second = prompt_of(33, 8);
  Generator generator(model(), {.users = 3, .poison_cache = true});
  generator.prefill(first, 0);
  generator.prefill(second, 2);
  const auto decode = [&](std::int32_t a, std::int32_t b, std::int32_t c) {
    const std::array<std::int32_t, 3> tokens{400, 500, 600}, positions{a, b, c};
    return generator.decode(tokens, positions).to_vector();
  };
  const auto row = [](const std::vector<float>& logits, std::size_t u) {
    const std::size_t vocab = logits.size() / 3;
    return std::vector<float>(logits.begin() + static_cast<std::ptrdiff_t>(u * vocab),
                              logits.begin() + static_cast<std::ptrdiff_t>((u + 1) * vocab));
  };
  const auto both = decode(20, -1, 33);
  EXPECT_EQ(row(decode(20, -1, -1), 0), row(both, 0));
  EXPECT_EQ(row(decode(-1, -1, 33), 2), row(both, 2));
  EXPECT_EQ(row(decode(20, 0, 33), 0), row(both, 0));
}

TEST_P(Batch, ASlotIsAsNewForTheNextPrompt) {
  const auto longer = prompt_of(90, 1), shorter = prompt_of(12, 2);
  Generator generator(model(), {.users = 1, .page_seed = 5, .poison_cache = true});
  for (const auto& prompt : {longer, shorter, longer, shorter}) {
    const Request request{.prompt = prompt, .max_new_tokens = 10};
    EXPECT_EQ(generate(generator, std::span(&request, 1))[0].tokens, greedy(prompt, 10));
  }
}

TEST_P(Batch, PagesThatAreGivenBackAreEnoughForTheNext) {
  // Two users share 160 positions each; one after the other needs all pages of its share again and again.
  Generator generator(model(), {.users = 2});
  for (std::uint64_t round = 0; round < 4; ++round) {
    const std::vector<Request> requests{{.prompt = prompt_of(150, round), .max_new_tokens = 2},
                                        {.prompt = prompt_of(150, round + 9), .max_new_tokens = 2}};
    EXPECT_EQ(generate(generator, requests)[1].tokens.size(), 2u);
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, Batch, ::testing::ValuesIn(tessera::test::kEngineCases), test::param_name);

}  // namespace
}  // namespace tessera::generate
