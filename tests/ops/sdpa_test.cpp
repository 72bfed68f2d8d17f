// Attention, values: against paper, ref against fast, and NaN that must not be lost.
#include <cmath>

#include "sdpa_scene.hpp"

namespace tessera::test {
namespace {

using namespace transformer;
constexpr DataType kCaches[] = {DataType::FLOAT32, DataType::BFLOAT16, DataType::BFLOAT8_B};

// Weights sum to one, so an error is that of one score: exp and a dot product of head_dim terms.
Tolerance tolerance(DataType dtype) {
  return dtype == DataType::FLOAT32 ? Tolerance{2e-5f, 2e-5f} : Tolerance{3e-5f, 0.0041f};
}

void expect_all_forms_match_ref(const SdpaSizes& sizes, std::int64_t block, bool heavy_tailed) {
  for (const DataType cache : kCaches) {
    SCOPED_TRACE(to_string(cache));
    for (const DataType dtype : {DataType::FLOAT32, DataType::BFLOAT16}) {
      expect_fast_matches_ref(
          dtype,
          [&](Maker& make) {
            const SdpaScene scene(make, sizes, cache, heavy_tailed);
            const auto seq = sizes.positions;
            std::vector<std::int32_t> last;
            for (std::int64_t u = 0; u < sizes.users; ++u)
              last.push_back(static_cast<std::int32_t>(seq - 1 - u * 7 % seq));
            last[0] = static_cast<std::int32_t>(seq - 1);
            const Tensor q = make.normal({1, sizes.heads, seq, sizes.dim});
            const Tensor row = make.normal({1, sizes.users, sizes.heads, sizes.dim});
            const Tensor k = scene.sequence(false, seq), v = scene.sequence(true, seq);
            const auto pages = scene.pages(block, last);
            const Tensor cur_pos = make.ints(last, {sizes.users});
            const std::int64_t start = seq / 3;
            return std::vector{
                scaled_dot_product_attention(q, k, v), scaled_dot_product_attention(q, k, v, {}, false, 0.5f),
                scaled_dot_product_attention_decode(row, scene.cache(false, last), scene.cache(true, last),
                                                    cur_pos),
                paged_scaled_dot_product_attention_decode(row, pages.k, pages.v, pages.table, cur_pos),
                chunked_scaled_dot_product_attention(query_rows(make, q, start, seq - start), pages.k,
                                                     pages.v, pages.table, start)};
          },
          tolerance(dtype));
    }
  }
}

TEST(Sdpa, EveryFormMatchesRef) {
  // Past a block of 64 keys and one of 32 queries, heads in groups of 3 and 1, odd head sizes.
  expect_all_forms_match_ref({2, 6, 2, 64, 131}, 32, false);
  expect_all_forms_match_ref({1, 3, 1, 20, 64}, 16, false);
  expect_all_forms_match_ref({3, 2, 2, 33, 9}, 4, false);
  expect_all_forms_match_ref({32, 2, 1, 16, 33}, 32, false);
  expect_all_forms_match_ref({1, 1, 1, 1, 1}, 1, false);
}

TEST(Sdpa, HeavyTailedKeysMatchRef) {
  expect_all_forms_match_ref({2, 4, 2, 32, 70}, 16, true);
}

// In double, from the definition; GQA: query head h reads KV head h / (heads / kv_heads).
TEST(Sdpa, KnownValues) {
  const SdpaSizes sizes{2, 6, 2, 8, 5};
  const std::vector<std::int32_t> last{4, 2};
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    Maker make(engine, DataType::FLOAT32);
    const SdpaScene scene(make, sizes, DataType::FLOAT32);
    const Tensor q = make.normal({1, 2, 6, 8});
    const std::vector<float> queries = q.to_vector();
    const std::vector<float> y =
        scaled_dot_product_attention_decode(q, scene.cache(false, last), scene.cache(true, last),
                                            make.ints(last, {2}))
            .to_vector();
    for (std::size_t u = 0; u < 2; ++u) {
      for (std::size_t h = 0; h < 6; ++h) {
        const std::size_t head = (u * 2 + h / 3) * 5 * 8;
        double weights[5] = {}, sum = 0;
        for (std::size_t j = 0; j <= static_cast<std::size_t>(last[u]); ++j) {
          double dot = 0;
          for (std::size_t c = 0; c < 8; ++c)
            dot += double{queries[(u * 6 + h) * 8 + c]} * scene.keys()[head + j * 8 + c];
          sum += weights[j] = std::exp(dot / std::sqrt(8.0));
        }
        for (std::size_t c = 0; c < 8; ++c) {
          double expected = 0;
          for (std::size_t j = 0; j < 5; ++j) expected += weights[j] / sum * scene.values()[head + j * 8 + c];
          EXPECT_NEAR(y[(u * 6 + h) * 8 + c], expected, 2e-6) << u << " " << h << " " << c;
        }
      }
    }
  }
}

TEST(Sdpa, OneKeyGivesItsValue) {
  for_each_isa([] {
    for (const Engine engine : {Engine::Ref, Engine::Fast}) {
      Maker make(engine, DataType::FLOAT32);
      const Tensor q = make.normal({1, 1, 1, 12}), k = make.normal({1, 1, 1, 12}),
                   v = make.normal({1, 1, 1, 12});
      EXPECT_EQ(scaled_dot_product_attention(q, k, v).to_vector(), v.to_vector());
    }
  });
}

TEST(Sdpa, AMaskOfTheTriangleIsCausal) {
  expect_fast_matches_ref(
      DataType::FLOAT32,
      [](Maker& make) {
        const Tensor q = make.normal({1, 4, 70, 24}), k = make.normal({1, 2, 70, 24});
        const Tensor v = make.normal({1, 2, 70, 24});
        std::vector<float> mask(70 * 70, 0.0f);
        for (std::size_t i = 0; i < 70; ++i) {
          for (std::size_t j = i + 1; j < 70; ++j) mask[i * 70 + j] = -std::numeric_limits<float>::infinity();
        }
        const Tensor masked = scaled_dot_product_attention(q, k, v, make.from(mask, {1, 1, 70, 70}), false);
        const Tensor causal = scaled_dot_product_attention(q, k, v);
        expect_close(causal.to_vector(), masked.to_vector(), {1e-6f, 1e-6f});
        return std::vector{masked};
      },
      tolerance(DataType::FLOAT32));
}

TEST(Sdpa, ARowThatIsMaskedEntirelyIsZero) {
  for_each_isa([] {
    for (const Engine engine : {Engine::Ref, Engine::Fast}) {
      Maker make(engine, DataType::FLOAT32);
      const Tensor x = make.normal({1, 1, 2, 8});
      const float inf = std::numeric_limits<float>::infinity();
      const Tensor mask = make.from({0, 0, -inf, -inf}, {1, 1, 2, 2});
      const std::vector<float> y = scaled_dot_product_attention(x, x, x, mask, false).to_vector();
      for (std::size_t i = 8; i < 16; ++i) EXPECT_EQ(y[i], 0.0f);
      EXPECT_NE(y[0], 0.0f);
    }
  });
}

// A NaN that attention turned into zeros would look like an idle user.
TEST(Sdpa, NanIsNotLost) {
  for_each_isa([] {
    for (const Engine engine : {Engine::Ref, Engine::Fast}) {
      for (const std::size_t at : {0u, 40u, 69u}) {
        Maker make(engine, DataType::FLOAT32);
        const Tensor good = make.normal({1, 1, 70, 8});
        std::vector<float> values = good.to_vector();
        values[at * 8 + 3] = SdpaScene::kNan;
        const Tensor bad = make.from(values, {1, 1, 70, 8});
        const std::vector<float> of_q = scaled_dot_product_attention(bad, good, good).to_vector();
        const std::vector<float> of_k = scaled_dot_product_attention(good, bad, good).to_vector();
        const std::vector<float> of_v = scaled_dot_product_attention(good, good, bad).to_vector();
        for (std::size_t i = 0; i < 70; ++i) {
          EXPECT_EQ(std::isnan(of_q[i * 8]), i == at) << at << " " << i;
          EXPECT_EQ(std::isnan(of_k[i * 8]), i >= at) << at << " " << i;
          EXPECT_EQ(std::isnan(of_v[i * 8 + 3]), i >= at) << at << " " << i;
        }
      }
    }
  });
}

TEST(Sdpa, Refusals) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    Maker make(engine, DataType::BFLOAT16);
    const Tensor q = make.normal({1, 2, 4, 8}), cache = make.normal({2, 2, 16, 8});
    const Tensor one = make.normal({1, 4, 6, 8}), three = make.normal({1, 3, 6, 8});
    const char* decode = "scaled_dot_product_attention_decode";
    const auto decode_at = [&](std::vector<std::int32_t> pos) {
      scaled_dot_product_attention_decode(q, cache, cache, make.ints(pos, {std::ssize(pos)}));
    };
    expect_refused(decode, "user 1: position 16 in a cache of 16", [&] { decode_at({0, 16}); });
    expect_refused(decode, "position -3", [&] { decode_at({0, -3}); });
    expect_refused(decode, "2 positions expected", [&] { decode_at({0, 1, 2}); });
    const char* paged = "paged_scaled_dot_product_attention_decode";
    const auto paged_at = [&](std::vector<std::int32_t> table, std::vector<std::int32_t> pos) {
      paged_scaled_dot_product_attention_decode(q, cache, cache, make.ints(table, {2, std::ssize(table) / 2}),
                                                make.ints(pos, {2}));
    };
    expect_refused(paged, "user 1: page 2 of a cache of 2 blocks", [&] { paged_at({0, 2}, {3, 3}); });
    expect_refused(paged, "user 0: page -1", [&] { paged_at({0, -1, 1, 0}, {16, 3}); });
    expect_refused(paged, "position 16 in a cache of 16", [&] { paged_at({0, 1}, {16, 3}); });
    const Tensor none = make.normal({2, 2, 0, 8}), table = make.ints({0, 0}, {2, 1});
    expect_refused(paged, "blocks of at least one position", [&] {
      paged_scaled_dot_product_attention_decode(q, none, none, table, make.ints({0, 0}, {2}));
    });
    const OpOptions block_float{.dtype = DataType::BFLOAT8_B};
    expect_refused(decode, "output dtype bfloat8_b", [&] {
      scaled_dot_product_attention_decode(q, cache, cache, make.ints({0, 0}, {2}), {}, block_float);
    });
    expect_refused(paged, "output dtype bfloat8_b", [&] {
      paged_scaled_dot_product_attention_decode(q, cache, cache, table, make.ints({0, 0}, {2}), {},
                                                block_float);
    });
    expect_refused("chunked_scaled_dot_product_attention", "output dtype bfloat8_b",
                   [&] { chunked_scaled_dot_product_attention(q, cache, cache, table, 0, {}, block_float); });
    const char* prefill = "scaled_dot_product_attention";
    expect_refused(prefill, "output dtype bfloat8_b",
                   [&] { scaled_dot_product_attention(one, one, one, {}, true, {}, block_float); });
    expect_refused(prefill, "a multiple expected", [&] { scaled_dot_product_attention(one, three, three); });
    expect_refused(prefill, "one sequence expected", [&] { scaled_dot_product_attention(q, cache, cache); });
    expect_refused(prefill, "is_causal=false expected",
                   [&] { scaled_dot_product_attention(one, one, one, make.normal({6, 6})); });
    expect_refused(prefill, "two caches of one shape",
                   [&] { scaled_dot_product_attention(one, one, three); });
    expect_refused(prefill, "one head_dim expected", [&] {
      scaled_dot_product_attention(one, make.normal({1, 4, 6, 7}), make.normal({1, 4, 6, 7}));
    });
    expect_refused("chunked_scaled_dot_product_attention", "chunk_start_idx -1", [&] {
      chunked_scaled_dot_product_attention(q, cache, cache, make.ints({0}, {1, 1}), -1);
    });
    expect_refused("chunked_scaled_dot_product_attention", "position 16 in a cache of 16", [&] {
      chunked_scaled_dot_product_attention(q, cache, cache, make.ints({0}, {1, 1}), 13);
    });
  }
}

}  // namespace
}  // namespace tessera::test
