#include <gtest/gtest.h>

#include "tensor/dtype.hpp"
#include "tensor/spec.hpp"
#include "util/error.hpp"

namespace tessera::test {
namespace {

constexpr DataType kDtypes[] = {DataType::FLOAT32,   DataType::BFLOAT16, DataType::BFLOAT8_B,
                                DataType::BFLOAT4_B, DataType::UINT32,   DataType::INT32};

TEST(Dtype, NamesReadBack) {
  for (const DataType dtype : kDtypes) EXPECT_EQ(parse_dtype(to_string(dtype)), dtype);
  EXPECT_EQ(parse_dtype("BFP8"), DataType::BFLOAT8_B);
  EXPECT_EQ(parse_dtype("BFP4"), DataType::BFLOAT4_B);
  EXPECT_EQ(parse_dtype("BF16"), DataType::BFLOAT16);
  EXPECT_EQ(parse_dtype("F32"), DataType::FLOAT32);
  EXPECT_THROW(parse_dtype("fp8"), UserError);
  EXPECT_THROW(parse_dtype(""), UserError);
}

TEST(Shape, IndexesFromBothEnds) {
  Shape shape{2, 3, 5};
  EXPECT_EQ(shape.rank(), 3);
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(shape[-1], 5);
  EXPECT_EQ(shape[-3], 2);
  EXPECT_EQ(shape.volume(), 30);
  EXPECT_EQ(shape.rows(), 6);
  EXPECT_EQ(to_string(shape), "[2, 3, 5]");
  shape[-2] = 7;
  EXPECT_EQ(shape, (Shape{2, 7, 5}));
  EXPECT_NE((Shape{2, 3}), (Shape{2, 3, 1}));
}

TEST(Shape, ScalarsAndEmpties) {
  EXPECT_EQ(Shape().rank(), 0);
  EXPECT_EQ(Shape().volume(), 1);
  EXPECT_EQ(to_string(Shape()), "[]");
  EXPECT_EQ((Shape{4, 0, 3}).volume(), 0);
  EXPECT_EQ((Shape{4, 0, 3}).rows(), 0);
}

TEST(Shape, Refusals) {
  EXPECT_THROW((Shape{1, -1}), UserError);
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), UserError);
  EXPECT_THROW((Shape{std::int64_t{1} << 32, std::int64_t{1} << 32}), UserError);
  // Overflow hidden behind a zero.
  EXPECT_THROW((Shape{0, std::int64_t{1} << 32, std::int64_t{1} << 32}), UserError);
}

TEST(Spec, BytesOfATile) {
  const std::int64_t expected[] = {4096, 2048, 1088, 576, 4096, 4096};
  for (std::size_t i = 0; i < std::size(kDtypes); ++i) {
    EXPECT_EQ(tile_bytes(kDtypes[i]), expected[i]) << to_string(kDtypes[i]);
    EXPECT_EQ((TensorSpec{{1, 1, 32, 32}, kDtypes[i], Layout::TILE}).packed_bytes(), expected[i]);
    EXPECT_EQ((TensorSpec{{1, 2, 33, 65}, kDtypes[i], Layout::TILE}).packed_bytes(), 12 * expected[i]);
  }
}

TEST(Spec, PaddedShapes) {
  const auto padded = [](const Shape& shape, Layout layout) {
    return TensorSpec{shape, DataType::BFLOAT16, layout}.padded_shape();
  };
  EXPECT_EQ(padded({2, 3, 1, 33}, Layout::TILE), (Shape{2, 3, 32, 64}));
  EXPECT_EQ(padded({32, 32}, Layout::TILE), (Shape{32, 32}));
  EXPECT_EQ(padded({2, 3, 1, 33}, Layout::ROW_MAJOR), (Shape{2, 3, 1, 33}));
  // A vector is a row of a tile, a scalar its first element.
  EXPECT_EQ(padded({40}, Layout::TILE), (Shape{32, 64}));
  EXPECT_EQ(padded({}, Layout::TILE), (Shape{32, 32}));
  EXPECT_EQ(padded({3, 0}, Layout::TILE).volume(), 0);
}

TEST(Spec, RowMajorBytes) {
  EXPECT_EQ((TensorSpec{{3, 5}, DataType::BFLOAT16, Layout::ROW_MAJOR}).packed_bytes(), 30);
  EXPECT_EQ((TensorSpec{{3, 5}, DataType::INT32, Layout::ROW_MAJOR}).packed_bytes(), 60);
  EXPECT_EQ(to_string(TensorSpec{{1, 32}, DataType::BFLOAT8_B, Layout::TILE}), "bfloat8_b tile [1, 32]");
}

}  // namespace
}  // namespace tessera::test
