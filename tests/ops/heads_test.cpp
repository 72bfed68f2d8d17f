#include "ops/heads/heads.hpp"

#include "op_test_util.hpp"

namespace tessera::test {
namespace {

using namespace experimental;

// Values that say where they come from.
Tensor numbered(Maker& make, const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(shape.volume()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return make.from(values, shape);
}

TEST(Heads, EveryValueFindsItsPlace) {
  constexpr std::int64_t kRows = 3, kDim = 5, kHeads = 4, kKv = 2, kWidth = (kHeads + 2 * kKv) * kDim;
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    Maker make(engine, DataType::FLOAT32);
    const Tensor x = numbered(make, {1, 1, kRows, kWidth});
    const auto prefill = nlp_create_qkv_heads(x, kHeads, kKv);
    const auto transposed = nlp_create_qkv_heads(x, kHeads, kKv, true);
    const auto decode = nlp_create_qkv_heads_decode(x, kHeads, kKv);
    EXPECT_EQ(prefill[0].logical_shape(), (Shape{1, kHeads, kRows, kDim}));
    EXPECT_EQ(transposed[1].logical_shape(), (Shape{1, kKv, kDim, kRows}));
    EXPECT_EQ(decode[2].logical_shape(), (Shape{1, kRows, kKv, kDim}));
    const std::int64_t first_head[] = {0, kHeads, kHeads + kKv}, heads[] = {kHeads, kKv, kKv};
    for (std::size_t part = 0; part < 3; ++part) {
      const std::vector<float> p = prefill[part].to_vector(), d = decode[part].to_vector();
      for (std::int64_t h = 0; h < heads[part]; ++h) {
        for (std::int64_t r = 0; r < kRows; ++r) {
          for (std::int64_t c = 0; c < kDim; ++c) {
            const auto expected = static_cast<float>(r * kWidth + (first_head[part] + h) * kDim + c);
            EXPECT_EQ(p[static_cast<std::size_t>((h * kRows + r) * kDim + c)], expected);
            EXPECT_EQ(d[static_cast<std::size_t>((r * heads[part] + h) * kDim + c)], expected);
            if (part != 1) continue;
            EXPECT_EQ(transposed[1].to_vector()[static_cast<std::size_t>((h * kDim + c) * kRows + r)],
                      expected);
          }
        }
      }
    }
  }
}

TEST(Heads, ConcatUndoesCreate) {
  for (const std::int64_t rows : {1, 32, 45}) {
    expect_fast_matches_ref([&](Maker& make) {
      const Tensor x = make.normal({1, 1, rows, 8 * 24});
      const auto prefill = nlp_create_qkv_heads(x, 6, 1);
      const auto decode = nlp_create_qkv_heads_decode(x, 6, 1);
      const Tensor a = nlp_concat_heads(prefill[0]), b = nlp_concat_heads_decode(decode[0], 6);
      std::vector<float> expected;
      const std::vector<float> all = x.to_vector();
      for (std::int64_t r = 0; r < rows; ++r) {
        expected.insert(expected.end(), all.begin() + r * 192, all.begin() + r * 192 + 144);
      }
      EXPECT_EQ(a.to_vector(), expected);
      EXPECT_EQ(b.to_vector(), expected);
      return std::vector{a, b, prefill[1], decode[2]};
    });
  }
}

TEST(Heads, AnotherDtype) {
  Maker make(Engine::Fast, DataType::BFLOAT16);
  const Tensor x = make.normal({1, 1, 3, 48});
  OpOptions options;
  options.dtype = DataType::FLOAT32;
  const auto wide = nlp_create_qkv_heads(x, 4, 1, true, options);
  const auto half = nlp_create_qkv_heads(x, 4, 1, true);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(wide[i].dtype(), DataType::FLOAT32);
    EXPECT_EQ(wide[i].to_vector(), half[i].to_vector());
  }
}

TEST(Heads, Refusals) {
  for (const Engine engine : {Engine::Ref, Engine::Fast, Engine::Meta}) {
    Maker make(engine, DataType::BFLOAT16);
    const Tensor x = make.normal({1, 1, 3, 50}), y = make.normal({1, 2, 3, 8});
    expect_refused("nlp_create_qkv_heads", "a multiple of 8", [&] { nlp_create_qkv_heads(x, 4, 2); });
    expect_refused("nlp_create_qkv_heads_decode", "give values > 0",
                   [&] { nlp_create_qkv_heads_decode(x, 4, 0); });
    expect_refused("nlp_concat_heads", "4 dimensions", [&] { nlp_concat_heads(make.normal({3, 8})); });
    expect_refused("nlp_concat_heads_decode", "give 3", [&] { nlp_concat_heads_decode(y, 2); });
  }
}

}  // namespace
}  // namespace tessera::test
