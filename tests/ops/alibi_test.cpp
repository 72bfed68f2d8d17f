// ALiBi in attention: against paper, ref against fast, and one result in every form.
#include <cmath>

#include "sdpa_scene.hpp"

namespace tessera::test {
namespace {

using namespace transformer;
constexpr float kSlopes[] = {0.25f, 0.0625f, 0.5f, 0.0039f, 0.7f, 0.0f};

TEST(Alibi, KnownValues) {
  const SdpaSizes sizes{2, 6, 2, 8, 5};
  const std::vector<std::int32_t> last{4, 2};
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    Maker make(engine, DataType::FLOAT32);
    const SdpaScene scene(make, sizes, DataType::FLOAT32);
    const Tensor q = make.normal({1, 2, 6, 8});
    const std::vector<float> queries = q.to_vector();
    const std::vector<float> y =
        scaled_dot_product_attention_decode(q, scene.cache(false, last), scene.cache(true, last),
                                            make.ints(last, {2}), 0.5f, {}, kSlopes)
            .to_vector();
    for (std::size_t u = 0; u < 2; ++u) {
      for (std::size_t h = 0; h < 6; ++h) {
        const std::size_t head = (u * 2 + h / 3) * 5 * 8;
        const auto keys = static_cast<std::size_t>(last[u]) + 1;
        double weights[5] = {}, sum = 0;
        for (std::size_t j = 0; j < keys; ++j) {
          double dot = 0;
          for (std::size_t c = 0; c < 8; ++c)
            dot += double{queries[(u * 6 + h) * 8 + c]} * double{scene.keys()[head + j * 8 + c]};
          const auto distance = static_cast<double>(keys - 1 - j);
          sum += weights[j] = std::exp(0.5 * dot - double{kSlopes[h]} * distance);
        }
        for (std::size_t c = 0; c < 8; ++c) {
          double expected = 0;
          for (std::size_t j = 0; j < keys; ++j)
            expected += weights[j] / sum * double{scene.values()[head + j * 8 + c]};
          EXPECT_NEAR(y[(u * 6 + h) * 8 + c], expected, 2e-6) << to_string(engine) << " head " << h;
        }
      }
    }
  }
}

std::vector<Tensor> every_form(Maker& make, const SdpaScene& scene, const Tensor& q, std::int64_t seq) {
  const auto last = static_cast<std::int32_t>(seq - 1);
  const Tensor row = make.from(query_rows(make, q, last, 1).to_vector(), {1, 1, 6, 24});
  const Tensor cur_pos = make.ints({last}, {1});
  const auto pages = scene.pages(16, {last});
  return {
      scaled_dot_product_attention(q, scene.sequence(false, seq), scene.sequence(true, seq), {}, true, {}, {},
                                   kSlopes),
      scaled_dot_product_attention_decode(row, scene.cache(false, {last}), scene.cache(true, {last}), cur_pos,
                                          {}, {}, kSlopes),
      paged_scaled_dot_product_attention_decode(row, pages.k, pages.v, pages.table, cur_pos, {}, {}, kSlopes),
      chunked_scaled_dot_product_attention(query_rows(make, q, 50, seq - 50), pages.k, pages.v, pages.table,
                                           50, {}, {}, kSlopes)};
}

TEST(Alibi, EveryFormMatchesRef) {
  for (const DataType cache : {DataType::FLOAT32, DataType::BFLOAT16, DataType::BFLOAT8_B}) {
    for (const DataType dtype : {DataType::FLOAT32, DataType::BFLOAT16}) {
      expect_fast_matches_ref(
          dtype,
          [&](Maker& make) {
            const SdpaScene scene(make, {1, 6, 2, 24, 131}, cache);
            return every_form(make, scene, make.normal({1, 6, 131, 24}), 131);
          },
          dtype == DataType::FLOAT32 ? Tolerance{2e-5f, 2e-5f} : Tolerance{3e-5f, 0.0041f});
    }
  }
}

TEST(Alibi, AllFourFormsAgreeToTheBit) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    for_each_isa([&] {
      Maker make(engine, DataType::FLOAT32);
      const SdpaScene scene(make, {1, 6, 2, 24, 131}, DataType::FLOAT32);
      const Tensor q = make.normal({1, 6, 131, 24});
      const auto forms = every_form(make, scene, q, 131);
      const auto last = query_rows(make, forms[0], 130, 1).to_vector();
      EXPECT_TRUE(same_bits(forms[1].to_vector(), last));
      EXPECT_TRUE(same_bits(forms[2].to_vector(), last));
      EXPECT_TRUE(same_bits(forms[3].to_vector(), query_rows(make, forms[0], 50, 81).to_vector()));
      // A slope of 0 is none.
      const std::vector<float> none(6, 0.0f);
      const Tensor k = scene.sequence(false, 131), v = scene.sequence(true, 131);
      EXPECT_TRUE(same_bits(scaled_dot_product_attention(q, k, v, {}, true, {}, {}, none).to_vector(),
                            scaled_dot_product_attention(q, k, v).to_vector()));
    });
  }
}

TEST(Alibi, Refusals) {
  Maker make(Engine::Ref, DataType::FLOAT32);
  const Tensor x = make.normal({1, 6, 4, 8});
  expect_refused("scaled_dot_product_attention", "5 ALiBi slopes, 6 heads", [&] {
    scaled_dot_product_attention(x, x, x, {}, true, {}, {}, std::span(kSlopes).first(5));
  });
  expect_refused("scaled_dot_product_attention", "not causal",
                 [&] { scaled_dot_product_attention(x, x, x, {}, false, {}, {}, kSlopes); });
}

}  // namespace
}  // namespace tessera::test
