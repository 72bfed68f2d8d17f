#include "ops/typecast/typecast.hpp"

#include <algorithm>

#include "op_test_util.hpp"
#include "tensor/bfloat16.hpp"
#include "tensor/block_float.hpp"

namespace tessera::test {
namespace {

// What the device's packer makes of each run of 16.
std::vector<float> packed(const std::vector<float>& values, std::size_t dim) {
  std::vector<float> result;
  for (std::size_t row = 0; row < values.size(); row += dim) {
    for (std::size_t i = 0; i < dim; i += 16) {
      const std::size_t n = std::min<std::size_t>(16, dim - i);
      std::array<bf16, 16> group{};
      for (std::size_t j = 0; j < n; ++j) group[j] = float_to_bf16(values[row + i + j]);
      std::array<float, 16> out;
      unpack_group(DataType::BFLOAT8_B, pack_group_device(DataType::BFLOAT8_B, group), out);
      result.insert(result.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n));
    }
  }
  return result;
}

TEST(Typecast, RoundsAsTheDtypeHolds) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    for (const std::int64_t dim : {1, 16, 45}) {
      Maker make(engine, DataType::FLOAT32);
      const Tensor x = make.heavy_tailed({1, 1, 9, dim});
      const std::vector<float> values = x.to_vector();
      std::vector<float> half = values;
      std::ranges::transform(half, half.begin(), round_to_bf16);
      const Tensor b16 = typecast(x, DataType::BFLOAT16), b8 = typecast(x, DataType::BFLOAT8_B);
      EXPECT_EQ(b16.dtype(), DataType::BFLOAT16);
      EXPECT_EQ(b16.to_vector(), half);
      EXPECT_EQ(b8.to_vector(), packed(values, static_cast<std::size_t>(dim)));
      // Widening is exact, and narrowing again changes nothing.
      for (const Tensor& narrow : {b16, b8}) {
        EXPECT_EQ(typecast(narrow, DataType::FLOAT32).to_vector(), narrow.to_vector());
        EXPECT_EQ(typecast(typecast(narrow, DataType::BFLOAT16), narrow.dtype()).to_vector(),
                  narrow.to_vector());
      }
    }
  }
}

TEST(Typecast, EnginesAgreeToTheBit) {
  expect_fast_matches_ref(DataType::FLOAT32,
                          [](Maker& make) {
                            const Tensor x = make.extreme({1, 2, 31, 50});
                            return std::vector{
                                typecast(x, DataType::BFLOAT16), typecast(x, DataType::BFLOAT8_B),
                                typecast(typecast(x, DataType::BFLOAT8_B), DataType::BFLOAT16)};
                          },
                          {0, 0});
}

TEST(Typecast, Integers) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    Maker make(engine, DataType::FLOAT32);
    const std::vector<std::int32_t> values{0, -1, 7, 1 << 30};
    const Tensor x = make.ints(values, {4});
    EXPECT_EQ(typecast(x, DataType::FLOAT32).to_vector(), (std::vector<float>{0, -1, 7, 1073741824.0f}));
    const Tensor u = to_device(make.device(), std::span(values), {{4}, DataType::UINT32, Layout::ROW_MAJOR});
    EXPECT_EQ(typecast(u, DataType::BFLOAT16).to_vector(),
              (std::vector<float>{0, 4294967296.0f, 7, 1073741824.0f}));
  }
}

TEST(Typecast, NothingToDoReturnsTheInput) {
  Maker make(Engine::Fast, DataType::BFLOAT16);
  const Tensor x = make.normal({1, 1, 4, 8});
  EXPECT_TRUE(typecast(x, DataType::BFLOAT16).shares_memory_with(x));
  EXPECT_TRUE(to_layout(x, Layout::TILE).shares_memory_with(x));
}

TEST(ToLayout, KeepsValuesAndChangesPadding) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    Maker make(engine, DataType::BFLOAT16);
    const Tensor x = make.normal({1, 1, 3, 20});
    const Tensor rows = to_layout(x, Layout::ROW_MAJOR);
    EXPECT_EQ(rows.to_vector(), x.to_vector());
    EXPECT_EQ(rows.padded_shape(), (Shape{1, 1, 3, 20}));
    EXPECT_EQ(to_layout(rows, Layout::TILE).padded_shape(), (Shape{1, 1, 32, 32}));
  }
}

TEST(Typecast, Refusals) {
  for (const Engine engine : {Engine::Ref, Engine::Fast, Engine::Meta}) {
    Maker make(engine, DataType::BFLOAT16);
    const Tensor x = make.normal({1, 1, 4, 8});
    expect_refused("typecast", "to int32", [&] { typecast(x, DataType::INT32); });
    expect_refused("typecast", "to bfloat4_b", [&] { typecast(x, DataType::BFLOAT4_B); });
    expect_refused("typecast", "tiles only",
                   [&] { typecast(to_layout(x, Layout::ROW_MAJOR), DataType::BFLOAT8_B); });
    expect_refused("typecast", "to bfloat16 first",
                   [&] { typecast(make.ints({1}, {1}), DataType::BFLOAT8_B); });
    expect_refused("to_layout", "tiles only",
                   [&] { to_layout(typecast(x, DataType::BFLOAT8_B), Layout::ROW_MAJOR); });
  }
}

}  // namespace
}  // namespace tessera::test
