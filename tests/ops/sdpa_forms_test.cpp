// Attention, forms: prefill, chunked, decode and paged decode give one result, bit for bit, and a user's does
// not depend on the others. Everything that may not be read is NaN.
#include "sdpa_scene.hpp"
#include "util/parallel.hpp"

namespace tessera::test {
namespace {

using namespace transformer;
constexpr DataType kCaches[] = {DataType::FLOAT32, DataType::BFLOAT16, DataType::BFLOAT8_B};

void for_each_case(const std::function<void(Maker&, DataType)>& body) {
  for (const DataType dtype : {DataType::FLOAT32, DataType::BFLOAT16}) {
    for (const DataType cache : kCaches) {
      SCOPED_TRACE(fmt::format("{} over {}", to_string(dtype), to_string(cache)));
      for_each_isa([&] {
        Maker make(Engine::Fast, dtype);
        body(make, cache);
      });
    }
  }
}

// Row i of q [1, heads, seq, dim] as decode has it: [1, 1, heads, dim].
Tensor as_decode(Maker& make, const Tensor& q, std::int64_t i) {
  const Shape& shape = q.logical_shape();
  return make.from(query_rows(make, q, i, 1).to_vector(), {1, 1, shape[1], shape[3]});
}

TEST(SdpaForms, AllFourAgreeToTheBit) {
  const SdpaSizes sizes{1, 6, 2, 40, 140};
  for_each_case([&](Maker& make, DataType cache) {
    const SdpaScene scene(make, sizes, cache);
    const Tensor q = make.normal({1, 6, 140, 40});
    const Tensor prefill =
        scaled_dot_product_attention(q, scene.sequence(false, 140), scene.sequence(true, 140));
    const auto row = [&](std::int64_t i) { return query_rows(make, prefill, i, 1).to_vector(); };
    // Around blocks of 64 keys, 32 queries and pages of 16.
    for (const std::int32_t i : {0, 1, 15, 16, 31, 32, 63, 64, 65, 127, 128, 139}) {
      const std::vector<std::int32_t> last{i};
      const Tensor cur_pos = make.ints(last, {1});
      const Tensor k = scene.cache(false, last), v = scene.cache(true, last);
      const Tensor decode = scaled_dot_product_attention_decode(as_decode(make, q, i), k, v, cur_pos);
      EXPECT_TRUE(same_bits(decode.to_vector(), row(i))) << "decode at " << i;
      for (const std::int64_t block : {1, 16, 48, 256}) {
        const auto pages = scene.pages(block, last);
        const Tensor paged = paged_scaled_dot_product_attention_decode(as_decode(make, q, i), pages.k,
                                                                       pages.v, pages.table, cur_pos);
        EXPECT_TRUE(same_bits(paged.to_vector(), row(i))) << "paged decode at " << i << ", block " << block;
      }
    }
    for (const std::int64_t start : {0, 16, 33, 100}) {
      for (const std::int64_t n : {1, 32, 40}) {
        const auto pages = scene.pages(16, {static_cast<std::int32_t>(start + n - 1)});
        const Tensor chunk = chunked_scaled_dot_product_attention(query_rows(make, q, start, n), pages.k,
                                                                  pages.v, pages.table, start);
        EXPECT_TRUE(same_bits(chunk.to_vector(), query_rows(make, prefill, start, n).to_vector()))
            << n << " rows from " << start;
      }
    }
  });
}

// Spans of 256 keys, which threads share in a decode step of few users: around their ends, with a window that
// begins within one, with users whose context ends in an earlier one, and an odd head_dim, which has no
// pairs.
TEST(SdpaForms, SpansGiveOneResultForAnyNumberOfThreads) {
  for (const std::int64_t dim : {40, 33}) {
    const SdpaSizes sizes{3, 6, 2, dim, 700};
    for_each_case([&](Maker& make, DataType cache) {
      if (cache == DataType::BFLOAT8_B && dim % 16 != 0) return;
      const SdpaScene scene(make, sizes, cache);
      const Tensor q = make.normal({1, 6, 700, dim});
      for (const std::int64_t window : {0, 300}) {
        const Tensor prefill = scaled_dot_product_attention(
            q, scene.sequence(false, 700), scene.sequence(true, 700), {}, true, {}, {}, {}, window);
        for (const std::int32_t i : {255, 256, 257, 511, 512, 699}) {
          const std::vector<std::int32_t> last{i, 100, -1};
          const std::vector<float> one = as_decode(make, q, i).to_vector();
          std::vector<float> rows;
          for (int u = 0; u < 3; ++u) rows.insert(rows.end(), one.begin(), one.end());
          const Tensor queries = make.from(rows, {1, 3, 6, dim});
          const auto pages = scene.pages(32, last);
          const std::vector<float> want = query_rows(make, prefill, i, 1).to_vector();
          for (const int threads : {1, 2, 5}) {
            set_num_threads(threads);
            std::vector<float> got =
                paged_scaled_dot_product_attention_decode(queries, pages.k, pages.v, pages.table,
                                                          make.ints(last, {3}), {}, {}, {}, window)
                    .to_vector();
            got.resize(want.size());
            EXPECT_TRUE(same_bits(got, want))
                << "at " << i << ", window " << window << ", " << threads << " threads";
          }
          set_num_threads(2);
        }
      }
    });
  }
}

TEST(SdpaForms, AUserIsTheSameAloneAndAmong32) {
  const SdpaSizes sizes{32, 4, 2, 24, 80};
  std::vector<std::int32_t> last;
  // Idle users, first and last positions, page and block boundaries; then one after the other.
  for (const std::int32_t p : {-1, 0, 79, 15, 16, 63, 64, 65, -1}) last.push_back(p);
  while (last.size() < 32) last.push_back(static_cast<std::int32_t>(last.size()));
  for_each_case([&](Maker& make, DataType cache) {
    const SdpaScene scene(make, sizes, cache);
    const Tensor q = make.normal({1, 32, 4, 24});
    const Tensor cur_pos = make.ints(last, {32});
    const Tensor k = scene.cache(false, last), v = scene.cache(true, last);
    const auto pages = scene.pages(16, last);
    const std::vector<float> all = scaled_dot_product_attention_decode(q, k, v, cur_pos).to_vector();
    const std::vector<float> paged =
        paged_scaled_dot_product_attention_decode(q, pages.k, pages.v, pages.table, cur_pos).to_vector();
    EXPECT_TRUE(same_bits(all, paged));
    const std::vector<float> queries = q.to_vector();
    const std::vector<std::int32_t> table = pages.table.to_int_vector();
    for (std::size_t u = 0; u < 32; ++u) {
      const std::vector<float> expected(all.begin() + u * 96, all.begin() + (u + 1) * 96);
      if (last[u] < 0) {
        EXPECT_EQ(expected, std::vector<float>(96, 0.0f)) << "idle user " << u;
        continue;
      }
      const Tensor alone =
          make.from({queries.begin() + u * 96, queries.begin() + (u + 1) * 96}, {1, 1, 4, 24});
      const Tensor row = make.ints({table.begin() + u * 5, table.begin() + (u + 1) * 5}, {1, 5});
      const Tensor y =
          paged_scaled_dot_product_attention_decode(alone, pages.k, pages.v, row, make.ints({last[u]}, {1}));
      EXPECT_TRUE(same_bits(y.to_vector(), expected)) << "user " << u;
      for (const float value : expected) ASSERT_FALSE(std::isnan(value)) << "user " << u;
    }
  });
}

TEST(SdpaForms, RefAgreesWithItself) {
  const SdpaSizes sizes{1, 4, 2, 16, 50};
  for (const DataType cache : kCaches) {
    Maker make(Engine::Ref, DataType::FLOAT32);
    const SdpaScene scene(make, sizes, cache);
    const Tensor q = make.normal({1, 4, 50, 16});
    const Tensor prefill =
        scaled_dot_product_attention(q, scene.sequence(false, 50), scene.sequence(true, 50));
    const auto pages = scene.pages(16, {49});
    const Tensor chunk =
        chunked_scaled_dot_product_attention(query_rows(make, q, 20, 30), pages.k, pages.v, pages.table, 20);
    EXPECT_TRUE(same_bits(chunk.to_vector(), query_rows(make, prefill, 20, 30).to_vector()));
    const Tensor decode = paged_scaled_dot_product_attention_decode(as_decode(make, q, 49), pages.k, pages.v,
                                                                    pages.table, make.ints({49}, {1}));
    EXPECT_TRUE(same_bits(decode.to_vector(), query_rows(make, prefill, 49, 1).to_vector()));
  }
}

}  // namespace
}  // namespace tessera::test
