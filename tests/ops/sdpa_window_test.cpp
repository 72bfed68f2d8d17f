// Sliding windows and soft-caps in attention: against paper, ref against fast, one result in every form, and
// nothing before a window is read.
#include <cmath>

#include "sdpa_scene.hpp"

namespace tessera::test {
namespace {

using namespace transformer;

struct Case {
  std::int64_t window;
  float cap;
};
// Around blocks of 64 keys, pages of 16, and one key only.
constexpr Case kCases[] = {{1, 0}, {15, 0}, {16, 2}, {17, 0}, {63, 0}, {64, 0}, {65, 2}, {0, 2}, {500, 0}};

Tensor prefill(const SdpaScene& scene, const Tensor& q, std::int64_t seq, const Case& c) {
  return scaled_dot_product_attention(q, scene.sequence(false, seq), scene.sequence(true, seq), {}, true, {},
                                      {}, {}, c.window, c.cap);
}

TEST(SdpaWindow, KnownValues) {
  constexpr std::int64_t kSeq = 70, kDim = 8;
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    Maker make(engine, DataType::FLOAT32);
    const SdpaScene scene(make, {1, 2, 1, kDim, kSeq}, DataType::FLOAT32);
    const Tensor q = make.normal({1, 2, kSeq, kDim});
    const std::vector<float> queries = q.to_vector();
    for (const Case& c : {Case{5, 0}, Case{5, 1.5f}, Case{0, 1.5f}, Case{66, 0}}) {
      const std::vector<float> y = prefill(scene, q, kSeq, c).to_vector();
      for (std::int64_t row = 0; row < 2 * kSeq; ++row) {
        const std::int64_t i = row % kSeq,
                           first = c.window == 0 ? 0 : std::max<std::int64_t>(0, i + 1 - c.window);
        std::vector<double> expected(kDim, 0.0);
        double sum = 0;
        for (std::int64_t j = first; j <= i; ++j) {
          double score = 0;
          for (std::int64_t d = 0; d < kDim; ++d)
            score += double{queries[static_cast<std::size_t>(row * kDim + d)]} *
                     double{scene.keys()[static_cast<std::size_t>(j * kDim + d)]};
          score /= std::sqrt(double{kDim});
          if (c.cap > 0) score = double{c.cap} * std::tanh(score / double{c.cap});
          const double weight = std::exp(score);
          sum += weight;
          for (std::int64_t d = 0; d < kDim; ++d)
            expected[static_cast<std::size_t>(d)] +=
                weight * double{scene.values()[static_cast<std::size_t>(j * kDim + d)]};
        }
        for (std::int64_t d = 0; d < kDim; ++d)
          ASSERT_NEAR(y[static_cast<std::size_t>(row * kDim + d)],
                      expected[static_cast<std::size_t>(d)] / sum, 3e-6)
              << to_string(engine) << " window " << c.window << " cap " << c.cap << " row " << row;
      }
    }
  }
}

TEST(SdpaWindow, FastMatchesRefAtEveryHeadSize) {
  for (const std::int64_t dim : {24, 64, 80, 256}) {
    for (const Case& c : kCases) {
      expect_fast_matches_ref(
          DataType::FLOAT32,
          [&](Maker& make) {
            const SdpaScene scene(make, {1, 2, 1, dim, 131}, DataType::BFLOAT16);
            return std::vector{prefill(scene, make.normal({1, 2, 131, dim}), 131, c)};
          },
          Tolerance{3e-5f, 3e-5f});
    }
  }
}

// A decode step and a chunk read their window and nothing before it, which is NaN here and has no pages.
TEST(SdpaWindow, AllFormsAgreeToTheBitAndReadNothingElse) {
  constexpr std::int64_t kSeq = 140;
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    for_each_isa([&] {
      Maker make(engine, DataType::FLOAT32);
      const SdpaScene scene(make, {1, 6, 2, 40, kSeq}, DataType::FLOAT32);
      const Tensor q = make.normal({1, 6, kSeq, 40});
      for (const Case& c : kCases) {
        SCOPED_TRACE(fmt::format("window {} cap {}", c.window, c.cap));
        const Tensor whole = prefill(scene, q, kSeq, c);
        const auto first_of = [&](std::int64_t i) {
          return c.window == 0 ? 0 : std::max<std::int64_t>(0, i + 1 - c.window);
        };
        for (const std::int32_t i : {0, 15, 16, 63, 64, 65, 127, 139}) {
          const std::vector<std::int32_t> last{i};
          const Tensor cur_pos = make.ints(last, {1});
          const Tensor row = make.from(query_rows(make, q, i, 1).to_vector(), {1, 1, 6, 40});
          const auto expected = query_rows(make, whole, i, 1).to_vector();
          const std::int64_t first = first_of(i);
          const Tensor decode = scaled_dot_product_attention_decode(row, scene.cache(false, last, first),
                                                                    scene.cache(true, last, first), cur_pos,
                                                                    {}, {}, {}, c.window, c.cap);
          EXPECT_TRUE(same_bits(decode.to_vector(), expected)) << "decode at " << i;
          const auto pages = scene.pages(16, last, first);
          const Tensor paged = paged_scaled_dot_product_attention_decode(
              row, pages.k, pages.v, pages.table, cur_pos, {}, {}, {}, c.window, c.cap);
          EXPECT_TRUE(same_bits(paged.to_vector(), expected)) << "paged decode at " << i;
        }
        for (const std::int64_t start : {16, 33, 100}) {
          const auto pages = scene.pages(16, {static_cast<std::int32_t>(start + 39)}, first_of(start));
          const Tensor chunk =
              chunked_scaled_dot_product_attention(query_rows(make, q, start, 40), pages.k, pages.v,
                                                   pages.table, start, {}, {}, {}, c.window, c.cap);
          EXPECT_TRUE(same_bits(chunk.to_vector(), query_rows(make, whole, start, 40).to_vector()))
              << "40 rows from " << start;
        }
      }
    });
  }
}

TEST(SdpaWindow, AWindowOfEverythingIsNone) {
  Maker make(Engine::Fast, DataType::FLOAT32);
  const SdpaScene scene(make, {1, 2, 1, 40, 100}, DataType::FLOAT32);
  const Tensor q = make.normal({1, 2, 100, 40});
  EXPECT_TRUE(
      same_bits(prefill(scene, q, 100, {100, 0}).to_vector(), prefill(scene, q, 100, {0, 0}).to_vector()));
}

TEST(SdpaWindow, Refusals) {
  Maker make(Engine::Ref, DataType::FLOAT32);
  const Tensor x = make.normal({1, 2, 4, 8});
  expect_refused("scaled_dot_product_attention", "sliding_window_size 3 without is_causal",
                 [&] { scaled_dot_product_attention(x, x, x, {}, false, {}, {}, {}, 3); });
  expect_refused("scaled_dot_product_attention", "logit_softcap -1",
                 [&] { scaled_dot_product_attention(x, x, x, {}, true, {}, {}, {}, 0, -1.0f); });
}

}  // namespace
}  // namespace tessera::test
