// Traced = eager = asynchronous, to the bit, and what a trace costs and refuses.
#include "generate/step_ahead.hpp"
#include "generate_fixture.hpp"
#include "ops/fused/fused.hpp"
#include "ops/trace_check.hpp"
#include "util/error.hpp"

namespace tessera::generate {
namespace {

using test::prompt_of;

class Traced : public ::testing::TestWithParam<bool> {
 protected:
  Traced()
      : files_([] {
          tessera::test::TinyOptions options;
          options.max_positions = 160;
          return options;
        }()),
        tiny_(tessera::test::load_tiny(*files_.open(), Engine::Fast, "accuracy")) {
    tiny_.device->set_async(GetParam());
  }

  const nn::CausalLm& model() const { return *tiny_.model; }
  Device& device() const { return *tiny_.device; }
  std::vector<Result> run(const GeneratorOptions& options, const std::vector<Request>& requests) const {
    Generator generator(model(), options);
    return generate(generator, requests);
  }

  tessera::test::TinyFolder files_;
  tessera::test::TinyModel tiny_;
};

TEST_P(Traced, TextsAreThoseOfEagerSteps) {
  std::vector<Request> requests;
  for (std::size_t u = 0; u < 5; ++u)
    requests.push_back({.prompt = prompt_of(3 + 17 * u, u), .max_new_tokens = 9 + static_cast<int>(5 * u)});
  const auto eager = run({.users = 5, .trace = false}, requests);
  const auto traced = run({.users = 5}, requests);
  for (std::size_t u = 0; u < 5; ++u) {
    EXPECT_EQ(traced[u].tokens, eager[u].tokens) << u;
    EXPECT_EQ(traced[u].finish_reason, eager[u].finish_reason) << u;
  }
  // A stop in the middle, when a step ahead may be under way.
  requests[2].stop_ids = {eager[2].tokens[4]};
  requests[4].stop_ids = {eager[4].tokens[7]};
  const auto stopped = run({.users = 5}, requests),
             stopped_eager = run({.users = 5, .trace = false}, requests);
  for (std::size_t u = 0; u < 5; ++u) EXPECT_EQ(stopped[u].tokens, stopped_eager[u].tokens) << u;
}

TEST_P(Traced, PrefillsOfAPaddedLengthShareATrace) {
  Generator traced(model(), {.users = 2, .page_seed = 4, .poison_cache = true});
  Generator eager(model(), {.users = 2, .page_seed = 4, .poison_cache = true, .trace = false});
  std::size_t traces = 0;
  for (const std::size_t length : {96u, 95u, 91u, 128u, 123u, 96u, 32u, 31u, 33u, 40u, 40u, 160u, 160u}) {
    const auto prompt = prompt_of(length, length);
    const int user = static_cast<int>(length % 2);
    for (Generator* generator : {&traced, &eager}) generator->release(user);
    EXPECT_EQ(traced.prefill(prompt, user).to_vector(), eager.prefill(prompt, user).to_vector()) << length;
    // What the cache holds is what the next steps see.
    if (length < 160) {
      std::vector<std::int32_t> tokens(2, 700), positions(2, -1);
      positions[static_cast<std::size_t>(user)] = static_cast<std::int32_t>(length);
      EXPECT_EQ(traced.decode(tokens, positions).to_vector(), eager.decode(tokens, positions).to_vector());
    }
    traces = traced.traces();
  }
  EXPECT_EQ(traces, 1u + 4u);  // a step of two users; prefills of 96, 128, 32 and 160 rows
  EXPECT_EQ(eager.traces(), 0u);
}

TEST_P(Traced, LogitsOfAPromptOutliveTheNext) {
  Generator generator(model(), {.users = 3});
  generator.prefill(prompt_of(32, 1), 0);
  const Tensor first = generator.prefill(prompt_of(32, 2), 1);
  const std::vector<float> before = first.to_vector();
  generator.prefill(prompt_of(32, 3), 2);
  EXPECT_EQ(first.to_vector(), before);
}

TEST_P(Traced, TheCheckerSeesEveryOpOfAStepReplayedAsEager) {
  const SeparateScope separate;
  Generator generator(model(), {.users = 2, .poison_cache = true});
  generator.prefill(prompt_of(40, 1), 0);
  generator.prefill(prompt_of(21, 2), 1);
  generator.cache().reserve(0, 44);
  generator.cache().reserve(1, 25);
  const TensorSpec row{Shape{1, 2}, DataType::INT32, Layout::ROW_MAJOR},
      list{Shape{2}, DataType::INT32, Layout::ROW_MAJOR};
  Tensor ids = zeros(device(), row), positions = zeros(device(), list);
  const TraceCheck check = check_trace(
      device(),
      [&](int round) {
        copy_to_device(std::vector<std::int32_t>{500 + round, 600 - round}, ids);
        copy_to_device(std::vector<std::int32_t>{40 + round, 21 + round}, positions);
      },
      [&] { feed_step(model(), ids, positions, generator.cache()); }, 4);
  EXPECT_EQ(check.difference, "");
  EXPECT_EQ(check.commands, generator.traced_step(2).info().commands);
}

// A page table row that points outside the cache is an error of the step, with the op and where it is.
TEST_P(Traced, AFailingStepNamesItsOpAndTheNextOnesRun) {
  Generator generator(model(), {.users = 1});
  generator.prefill(prompt_of(8, 1));
  const std::array<std::int32_t, 1> token{400}, position{8};
  const std::vector<float> good = generator.decode(token, position).to_vector();
  generator.cache().set_pages(0, {1 << 20});
  try {
    generator.decode(token, position).to_vector();
    ADD_FAILURE() << "a page outside the cache was read";
  } catch (const UserError& error) {
    const std::string text = error.what();
    EXPECT_TRUE(text.starts_with("[paged_update_cache] ")) << text;
    EXPECT_NE(text.find("(in layers.0.self_attn"), std::string::npos) << text;
  }
  generator.cache().set_pages(0, {0});
  generator.prefill(prompt_of(8, 1));
  EXPECT_EQ(generator.decode(token, position).to_vector(), good);
}

TEST_P(Traced, MemoryComesBackWithTheGenerator) {
  const std::int64_t before = device().allocated_bytes();
  for (int round = 0; round < 3; ++round) {
    Generator generator(model(), {.users = 12});
    for (const int rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1}) {
      const std::vector<std::int32_t> tokens(static_cast<std::size_t>(rows), 400),
          positions(tokens.size(), 0);
      generator.decode(tokens, positions).to_vector();
    }
    EXPECT_EQ(generator.traces(), 8u);
    EXPECT_GT(device().memory().allocated(MemoryKind::Trace), 0);
  }
  EXPECT_EQ(device().allocated_bytes(), before);
  EXPECT_EQ(device().memory().allocated(MemoryKind::Trace), 0);
}

INSTANTIATE_TEST_SUITE_P(Modes, Traced, ::testing::Bool(),
                         [](const auto& mode) { return mode.param ? "asynchronous" : "at_once"; });

}  // namespace
}  // namespace tessera::generate
