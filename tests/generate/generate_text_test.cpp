// The loop around decode: where it stops, what it streams, how it samples.
#include "generate/generate_text.hpp"

#include <algorithm>
#include <functional>
#include <set>

#include "generate_fixture.hpp"
#include "util/error.hpp"
#include "util/interrupt.hpp"

namespace tessera::generate {
namespace {

using test::prompt_of;

class Loop : public ::testing::Test {
 protected:
  Loop()
      : files_([] {
          tessera::test::TinyOptions options;
          options.max_positions = 96;
          return options;
        }()),
        tiny_(tessera::test::load_tiny(*files_.open(), Engine::Fast, "accuracy")) {}

  const nn::CausalLm& model() const { return *tiny_.model; }
  Result run(const Request& request, const OnToken& on_token = {}) const {
    Generator generator(model(), {.users = 1});
    return generate(generator, std::span(&request, 1), on_token)[0];
  }
  std::vector<std::vector<std::int32_t>> run_all(const std::vector<Request>& requests) const {
    Generator generator(model(), {.users = static_cast<int>(requests.size())});
    std::vector<std::vector<std::int32_t>> tokens;
    for (const Result& result : generate(generator, requests)) tokens.push_back(result.tokens);
    return tokens;
  }
  static Request sampled(std::uint64_t seed, float temperature, int top_k = 0, float top_p = 1.0f) {
    Request request{.prompt = prompt_of(9, 3), .max_new_tokens = 24};
    request.sampling = {.temperature = temperature, .top_k = top_k, .top_p = top_p, .seed = seed};
    return request;
  }

  tessera::test::TinyFolder files_;
  tessera::test::TinyModel tiny_;
};

TEST_F(Loop, StopsAtMaxNewTokens) {
  for (const int n : {0, 1, 2, 17}) {
    const Result result = run({.prompt = prompt_of(5, 1), .max_new_tokens = n});
    EXPECT_EQ(result.tokens.size(), static_cast<std::size_t>(n));
    EXPECT_EQ(result.finish_reason, "length");
  }
}

TEST_F(Loop, StopIdEndsTheTextAndIsNotPartOfIt) {
  const auto all = run({.prompt = prompt_of(5, 1), .max_new_tokens = 12}).tokens;
  for (const std::size_t at : {0u, 1u, 7u}) {
    ASSERT_EQ(std::ranges::count(std::span(all).first(at), all[at]), 0);
    const Result result = run({.prompt = prompt_of(5, 1), .max_new_tokens = 12, .stop_ids = {1503, all[at]}});
    EXPECT_EQ(result.tokens,
              std::vector<std::int32_t>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(at)));
    EXPECT_EQ(result.finish_reason, "stop");
  }
}

TEST_F(Loop, FullContextEndsWithLength) {
  // The last token may still be drawn after the last position was fed.
  for (const std::size_t length : {90u, 95u, 96u}) {
    const Result result = run({.prompt = prompt_of(length, 2), .max_new_tokens = 1000});
    EXPECT_EQ(result.tokens.size(), 96 - length + 1);
    EXPECT_EQ(result.finish_reason, "length");
  }
}

TEST_F(Loop, OneUserFullTheOtherGoesOn) {
  const std::vector<Request> requests{{.prompt = prompt_of(94, 1), .max_new_tokens = 20},
                                      {.prompt = prompt_of(4, 2), .max_new_tokens = 20}};
  const auto tokens = run_all(requests);
  EXPECT_EQ(tokens[0].size(), 3u);
  EXPECT_EQ(tokens[1], run(requests[1]).tokens);
}

TEST_F(Loop, CallbackSeesEveryTokenAndMayStopAUser) {
  std::vector<std::int32_t> seen;
  const Request request{.prompt = prompt_of(5, 1), .max_new_tokens = 12};
  const Result result = run(request, [&](int user, std::int32_t token) {
    EXPECT_EQ(user, 0);
    seen.push_back(token);
    return seen.size() < 4;
  });
  EXPECT_EQ(seen.size(), 4u);
  EXPECT_EQ(result.tokens, seen);
  EXPECT_EQ(result.finish_reason, "stop");
}

TEST_F(Loop, TimingsAreFilledIn) {
  Generator generator(model(), {.users = 1});
  const Request request{.prompt = prompt_of(5, 1), .max_new_tokens = 3};
  Timings timings;
  generate(generator, std::span(&request, 1), {}, &timings);
  EXPECT_GT(timings.ttft_ms, 0);
  EXPECT_GT(timings.prefill_tok_s, 0);
  EXPECT_GT(timings.decode_tok_s, 0);
}

TEST_F(Loop, SeedsReproduceAloneAndInCompany) {
  std::vector<Request> requests;
  for (std::uint64_t seed = 0; seed < 6; ++seed) requests.push_back(sampled(seed, 1.5f));
  requests.push_back({.prompt = prompt_of(30, 8), .max_new_tokens = 5});  // a greedy one among them
  const auto together = run_all(requests);
  EXPECT_EQ(run_all(requests), together);
  for (std::size_t u = 0; u < requests.size(); ++u) EXPECT_EQ(run(requests[u]).tokens, together[u]) << u;
  EXPECT_EQ(std::set(together.begin(), together.end()).size(), together.size());
}

TEST_F(Loop, TopKOfOneAndTinyTopPAreGreedy) {
  const auto greedy = run(sampled(1, 0.0f)).tokens;
  EXPECT_EQ(run(sampled(1, 5.0f, 1)).tokens, greedy);
  EXPECT_EQ(run(sampled(1, 5.0f, 0, 1e-6f)).tokens, greedy);
  EXPECT_EQ(run(sampled(1, 1e-4f)).tokens, greedy);
  EXPECT_NE(run(sampled(1, 5.0f)).tokens, greedy);
}

TEST_F(Loop, TopKBoundsTheChoice) {
  Generator generator(model(), {.users = 1});
  const Tensor logits = generator.prefill(prompt_of(9, 3));
  const std::vector<float> values = logits.to_vector();
  std::vector<std::int32_t> order(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int32_t>(i);
  std::ranges::sort(order, std::greater{}, [&](auto id) { return values[static_cast<std::size_t>(id)]; });
  std::set<std::int32_t> drawn;
  for (std::int64_t step = 0; step < 200; ++step) {
    const SamplingParams params{.temperature = 50.0f, .top_k = 4, .top_p = 1.0f, .seed = 9};
    drawn.insert(generator.sample(logits, std::span(&params, 1), std::span(&step, 1))[0]);
  }
  EXPECT_EQ(drawn, std::set<std::int32_t>(order.begin(), order.begin() + 4));
}

// Almost even odds over a vocabulary of 1504: what a user draws from shows.
TEST_F(Loop, WithoutTopKTheBest256InAnyCompany) {
  Generator generator(model(), {.users = 2});
  const auto prompt = prompt_of(9, 3);
  generator.prefill(prompt, 0);
  generator.prefill(prompt, 1);
  const std::array<std::int32_t, 2> tokens{400, 400}, positions{9, 9};
  const Tensor logits = generator.decode(tokens, positions);
  const auto drawn = [&](std::array<int, 2> top_k) {
    std::array<std::set<std::int32_t>, 2> seen;
    for (std::int64_t step = 0; step < 4000; ++step) {
      const std::array<std::int64_t, 2> steps{step, step};
      std::array<SamplingParams, 2> params;
      for (std::size_t u = 0; u < 2; ++u) params[u] = {.temperature = 1000.0f, .top_k = top_k[u], .seed = u};
      const auto ids = generator.sample(logits, params, steps);
      for (std::size_t u = 0; u < 2; ++u) seen[u].insert(ids[u]);
    }
    return seen;
  };
  const auto both = drawn({0, 0});
  EXPECT_EQ(both[0].size(), static_cast<std::size_t>(kDefaultTopK));
  const auto company = drawn({0, 1504});
  EXPECT_EQ(company[0], both[0]);
  EXPECT_GT(company[1].size(), 1000u);
}

TEST_F(Loop, BadPromptsAreRefused) {
  Generator generator(model(), {.users = 2});
  const auto refused = [&](const std::vector<std::int32_t>& prompt, const std::string& part) {
    try {
      generator.prefill(prompt, 1);
      ADD_FAILURE() << "took " << part;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  refused({}, "no tokens");
  refused(prompt_of(97, 1), "97 tokens do not fit into a context of 96");
  refused({5, 1504}, "token 1504 is outside the vocabulary of 1504");
  refused({-1}, "token -1");
  EXPECT_THROW(generator.prefill(prompt_of(4, 1), 2), UserError);
  EXPECT_EQ(generator.prefill(prompt_of(96, 1), 1).logical_shape()[-1], 1504);
}

TEST_F(Loop, BadOptionsAreRefused) {
  EXPECT_THROW(Generator(model(), {.users = 0}), UserError);
  EXPECT_THROW(Generator(model(), {.users = 33}), UserError);
  EXPECT_THROW(Generator(model(), {.context = 97}), UserError);
  EXPECT_THROW(Generator(model(), {.prefill_chunk = 33}), UserError);
  EXPECT_THROW(Generator(model(), {.prefill_chunk = 32, .block_size = 0}), UserError);
  Generator generator(model(), {.users = 2});
  const std::vector<Request> three(3, Request{.prompt = {400}});
  EXPECT_THROW(generate(generator, three), UserError);
  EXPECT_THROW(generate(generator, {}), UserError);
  const std::array<std::int32_t, 1> token{400}, beyond{96};
  EXPECT_THROW(generator.decode(token, beyond), UserError);
  EXPECT_THROW(generator.decode({}, {}), UserError);
}

TEST_F(Loop, PromptsAreEncodedWithOrWithoutTheTemplate) {
  const auto checkpoint = files_.open();
  const io::TokenizerFiles files = checkpoint->tokenizer();
  const text::Tokenizer tokenizer(files);
  const auto raw = encode_prompt(tokenizer, files, "Hello", true);
  EXPECT_EQ(tokenizer.decode(raw, false), "Hello");
  const auto chat = encode_prompt(tokenizer, files, "Hello", false);
  EXPECT_EQ(tokenizer.decode(chat, false), "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(chat.front(), 1);
  io::TokenizerFiles plain = files;
  plain.chat_template.clear();
  EXPECT_EQ(encode_prompt(tokenizer, plain, "Hello", false), raw);
}

}  // namespace
}  // namespace tessera::generate
