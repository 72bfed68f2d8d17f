// Every way into the cache gives the same logits, bit for bit.
#include "generate_fixture.hpp"

namespace tessera::generate {
namespace {

using test::prompt_of;

class Ways : public test::OnEveryEngine {
 protected:
  // Logits of the last token, then of three more that are decoded.
  std::vector<float> run(GeneratorOptions options, const std::vector<std::int32_t>& prompt, bool by_decode) {
    options.users = 2;
    options.poison_cache = true;
    Generator generator(model(), options);
    std::vector<float> all =
        (by_decode ? generator.prefill_by_decode(prompt, 1) : generator.prefill(prompt, 1)).to_vector();
    for (std::int32_t i = 0; i < 3; ++i) {
      const auto position = static_cast<std::int32_t>(prompt.size()) + i;
      if (position >= generator.context()) break;
      const std::array<std::int32_t, 2> tokens{0, 700 + i}, positions{-1, position};
      const std::vector<float> logits = generator.decode(tokens, positions).to_vector();
      all.insert(all.end(), logits.begin() + static_cast<std::ptrdiff_t>(logits.size() / 2), logits.end());
    }
    return all;
  }
};

// Around the page of 32, two pages, an attention block, and the whole context.
TEST_P(Ways, PrefillIsEqualInChunksAndPages) {
  for (const std::size_t length : {1u, 2u, 31u, 32u, 33u, 63u, 64u, 65u, 100u, 157u, 160u}) {
    const auto prompt = prompt_of(length, length);
    const std::vector<float> base = run({}, prompt, false);
    for (const float logit : base) ASSERT_TRUE(std::isfinite(logit)) << length;
    EXPECT_EQ(run({.block_size = 0}, prompt, false), base) << length << ", unpaged";
    for (const int chunk : {32, 64, 96}) {
      EXPECT_EQ(run({.prefill_chunk = chunk, .page_seed = 11}, prompt, false), base)
          << length << ", chunks of " << chunk;
    }
  }
}

TEST_P(Ways, DecodeIsEqualToPrefill) {
  for (const std::size_t length : {1u, 31u, 32u, 33u, 65u, 160u}) {
    const auto prompt = prompt_of(length, length);
    const std::vector<float> base = run({}, prompt, false);
    EXPECT_EQ(run({.page_seed = 9}, prompt, true), base) << length;
    if (length == 33) {
      EXPECT_EQ(run({.block_size = 0}, prompt, true), base) << "unpaged";
    }
  }
}

TEST_P(Ways, OtherPageSizes) {
  const auto prompt = prompt_of(77, 5);
  const std::vector<float> base = run({}, prompt, false);
  for (const int block : {64, 128}) {
    EXPECT_EQ(run({.block_size = block, .page_seed = 3}, prompt, false), base) << block;
    EXPECT_EQ(run({.prefill_chunk = block, .block_size = block, .page_seed = 4}, prompt, false), base)
        << block;
  }
}

TEST_P(Ways, HiddenStatesOfThePromptEndInTheSameLogits) {
  const auto prompt = prompt_of(40, 6);
  Generator generator(model(), {.users = 1});
  const Tensor logits = model().logits(generator.prefill_hidden(prompt));
  EXPECT_EQ(logits.logical_shape(), (Shape{1, 1, 40, model().config.vocab_size}));
  const std::vector<float> all = logits.to_vector(), last = generator.prefill(prompt).to_vector();
  EXPECT_TRUE(std::equal(last.begin(), last.end(), all.end() - static_cast<std::ptrdiff_t>(last.size())));
}

INSTANTIATE_TEST_SUITE_P(Engines, Ways, ::testing::ValuesIn(tessera::test::kEngineCases), test::param_name);

}  // namespace
}  // namespace tessera::generate
