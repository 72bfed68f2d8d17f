// Ops that move values: embedding, reshape, permute, transpose, slice, concat, plus_one.
#include <gtest/gtest.h>
// rapidcheck needs gtest before it.
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "op_test_util.hpp"
#include "ops/concat/concat.hpp"
#include "ops/embedding/embedding.hpp"
#include "ops/permute/permute.hpp"
#include "ops/plus_one/plus_one.hpp"
#include "ops/reshape/reshape.hpp"
#include "ops/slice/slice.hpp"
#include "util/file.hpp"

namespace tessera::test {
namespace {

constexpr Engine kEngines[] = {Engine::Ref, Engine::Fast};
using Dims = std::vector<std::int64_t>;

Dims some_dims() {
  const int rank = *rc::gen::inRange(1, 6);
  return *rc::gen::container<Dims>(static_cast<std::size_t>(rank), rc::gen::inRange<std::int64_t>(1, 7));
}

// bfloat16, float32 or int32, each value its own position (exact in all of them up to 256).
Tensor numbered(Device& device, const Shape& shape, DataType dtype) {
  const TensorSpec spec{shape, dtype, Layout::ROW_MAJOR};
  std::vector<std::int32_t> values(static_cast<std::size_t>(shape.volume()));
  std::iota(values.begin(), values.end(), 0);
  if (is_integer(dtype)) return to_device(device, std::span(values), spec);
  const std::vector<float> floats(values.begin(), values.end());
  return to_device(device, floats, spec);
}

Tensor some_tensor(const Dims& dims) {
  const Engine engine = *rc::gen::elementOf(std::vector(std::begin(kEngines), std::end(kEngines)));
  const DataType dtype =
      *rc::gen::elementOf(std::vector{DataType::FLOAT32, DataType::BFLOAT16, DataType::INT32});
  return numbered(*open(engine), Shape(dims), dtype);
}

// The index of each dimension of flat element i.
Dims indices(std::int64_t i, const Shape& shape) {
  Dims result(static_cast<std::size_t>(shape.rank()));
  for (int d = shape.rank() - 1; d >= 0; --d) {
    result[static_cast<std::size_t>(d)] = i % shape[d];
    i /= shape[d];
  }
  return result;
}

std::size_t flat(const Dims& index, const Shape& shape) {
  std::int64_t result = 0;
  for (int d = 0; d < shape.rank(); ++d) result = result * shape[d] + index[static_cast<std::size_t>(d)];
  return static_cast<std::size_t>(result);
}

RC_GTEST_PROP(Permute, MovesEveryElement, ()) {
  const Tensor x = some_tensor(some_dims());
  const Shape& from = x.logical_shape();
  std::vector<int> order(static_cast<std::size_t>(from.rank()));
  std::iota(order.begin(), order.end(), 0);
  Rng rng(*rc::gen::arbitrary<std::uint64_t>());
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
  const Tensor y = permute(x, order);
  const std::vector<float> in = x.to_vector(), out = y.to_vector();
  for (std::int64_t i = 0; i < y.logical_shape().volume(); ++i) {
    const Dims at = indices(i, y.logical_shape());
    Dims source(at.size());
    for (std::size_t d = 0; d < at.size(); ++d) source[static_cast<std::size_t>(order[d])] = at[d];
    RC_ASSERT(out[static_cast<std::size_t>(i)] == in[flat(source, from)]);
  }
}

RC_GTEST_PROP(Permute, TransposeTwiceIsNothing, ()) {
  const Tensor x = some_tensor(some_dims());
  const int rank = x.logical_shape().rank();
  const int a = *rc::gen::inRange(-rank, rank), b = *rc::gen::inRange(-rank, rank);
  const Tensor y = transpose(transpose(x, a, b), b, a);
  RC_ASSERT(y.logical_shape() == x.logical_shape());
  RC_ASSERT(y.to_vector() == x.to_vector());
}

RC_GTEST_PROP(Slice, TakesTheRange, ()) {
  const Tensor x = some_tensor(some_dims());
  const Shape& from = x.logical_shape();
  Dims starts, ends;
  for (const std::int64_t n : from.dims()) {
    starts.push_back(*rc::gen::inRange<std::int64_t>(0, n));
    ends.push_back(*rc::gen::inRange<std::int64_t>(starts.back() + 1, n + 1));
  }
  const Tensor y = slice(x, starts, ends);
  const std::vector<float> in = x.to_vector(), out = y.to_vector();
  for (std::int64_t i = 0; i < y.logical_shape().volume(); ++i) {
    Dims at = indices(i, y.logical_shape());
    for (std::size_t d = 0; d < at.size(); ++d) at[d] += starts[d];
    RC_ASSERT(out[static_cast<std::size_t>(i)] == in[flat(at, from)]);
  }
}

RC_GTEST_PROP(Concat, JoinsWhatSliceCuts, ()) {
  const Tensor x = some_tensor(some_dims());
  const Shape& shape = x.logical_shape();
  const int dim = *rc::gen::inRange(-shape.rank(), shape.rank());
  std::vector<Tensor> parts;
  for (std::int64_t at = 0; at < shape[dim];) {
    Dims starts(static_cast<std::size_t>(shape.rank())), ends(shape.dims().begin(), shape.dims().end());
    const auto axis = static_cast<std::size_t>(dim < 0 ? dim + shape.rank() : dim);
    starts[axis] = at;
    at = ends[axis] = *rc::gen::inRange(at + 1, shape[dim] + 1);
    parts.push_back(slice(x, starts, ends));
  }
  const Tensor y = concat(parts, dim);
  RC_ASSERT(y.logical_shape() == shape);
  RC_ASSERT(y.to_vector() == x.to_vector());
}

TEST(Move, NanPayloadsAndDenormalsSurvive) {
  for (const Engine engine : kEngines) {
    const auto device = open(engine);
    const Tensor x =
        to_device(*device, std::vector<float>{std::bit_cast<float>(0x7FA12345u), 1e-45f, -0.0f, 1},
                  {{2, 2}, DataType::FLOAT32, Layout::ROW_MAJOR});
    const auto bits = [](const Tensor& t, std::int64_t i) { return t.data<std::uint32_t>()[i]; };
    const Tensor y = transpose(x, 0, 1);
    EXPECT_EQ(bits(y, 0), 0x7FA12345u);
    EXPECT_EQ(bits(y, 2), 1u);
    EXPECT_EQ(bits(y, 1), 0x80000000u);
  }
}

TEST(Reshape, IsAView) {
  for (const Engine engine : kEngines) {
    const Tensor x = numbered(*open(engine), {2, 3, 4}, DataType::BFLOAT16);
    const std::int64_t before = x.device().allocated_bytes();
    const Tensor y = reshape(x, {1, 1, 6, 4});
    EXPECT_TRUE(y.shares_memory_with(x));
    EXPECT_EQ(x.device().allocated_bytes(), before);
    EXPECT_EQ(y.logical_shape(), (Shape{1, 1, 6, 4}));
    EXPECT_EQ(reshape(x, {24}).to_vector(), x.to_vector());
    expect_refused("reshape", "the volumes differ", [&] { reshape(x, {5, 5}); });
    // No dimensions: one value.
    const Tensor scalar = numbered(x.device(), {}, DataType::BFLOAT16);
    EXPECT_EQ(reshape(scalar, {1, 1}).logical_shape(), (Shape{1, 1}));
    EXPECT_EQ(reshape(reshape(scalar, {1, 1}), {}).to_vector(), scalar.to_vector());
  }
}

TEST(Embedding, PicksRows) {
  for (const Engine engine : kEngines) {
    Maker make(engine, DataType::BFLOAT16);
    const Tensor table = make.normal({11, 19});
    const std::vector<std::int32_t> ids{10, 0, 3, 3};
    const Tensor y = embedding(make.ints(ids, {2, 2}), table);
    EXPECT_EQ(y.spec(), (TensorSpec{{1, 1, 4, 19}, DataType::BFLOAT16, Layout::TILE}));
    std::vector<float> expected;
    const std::vector<float> rows = table.to_vector();
    for (const auto id : ids)
      expected.insert(expected.end(), rows.begin() + id * 19, rows.begin() + (id + 1) * 19);
    EXPECT_EQ(y.to_vector(), expected);
    OpOptions options;
    options.dtype = DataType::FLOAT32;
    EXPECT_EQ(embedding(make.ints(ids, {4}), table, options).to_vector(), expected);
    expect_refused("embedding", "id 11 at position 1", [&] { embedding(make.ints({1, 11}, {2}), table); });
    expect_refused("embedding", "id -1", [&] { embedding(make.ints({-1}, {1}), table); });
    expect_refused("embedding", "int32", [&] { embedding(table, table); });
    expect_refused("embedding", "[vocab, dim]",
                   [&] { embedding(make.ints({1}, {1}), make.normal({2, 3, 4})); });
  }
}

// A table in a file is not touched: its rows are read, and a file that was cut short is told.
TEST(Embedding, ReadsTheRowsOfAMappedTable) {
  Maker make(Engine::Fast, DataType::BFLOAT16);
  const TensorSpec spec{{11, 19}, DataType::BFLOAT16, Layout::ROW_MAJOR};
  const Tensor table = make.normal({11, 19});
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "tessera_embedding_table";
  {
    AtomicFile file(path);
    file.write("before it ");  // the table is not all of the file
    file.write(table.bytes());
    file.commit();
  }
  const auto file = MappedFile::open(path);
  const Tensor mapped = map_on_device(make.device(), spec, {}, file, file->bytes().subspan(10));
  const Tensor ids = make.ints({10, -1, 3, 3}, {4});
  for (const DataType dtype : {DataType::BFLOAT16, DataType::FLOAT32}) {
    const OpOptions options{.dtype = dtype};
    EXPECT_EQ(embedding(ids, mapped, options, -1).to_vector(),
              embedding(ids, table, options, -1).to_vector());
  }
  std::filesystem::resize_file(path, 10 + 10 * 19 * 2);
  EXPECT_NO_THROW(embedding(make.ints({9}, {1}), mapped));
  EXPECT_THROW(embedding(make.ints({10}, {1}), mapped), SystemError);
  std::filesystem::remove(path);
}

TEST(PlusOne, SkipsIdleUsers) {
  for (const Engine engine : kEngines) {
    Maker make(engine, DataType::FLOAT32);
    const Tensor x = make.ints({0, -1, 41, -7}, {4});
    const Tensor y = plus_one(x);
    EXPECT_TRUE(y.shares_memory_with(x));
    EXPECT_EQ(x.to_int_vector(), (std::vector<std::int32_t>{1, -1, 42, -7}));
    expect_refused("plus_one", "int32", [&] { plus_one(make.normal({4})); });
  }
}

TEST(Move, Refusals) {
  for (const Engine engine : {Engine::Ref, Engine::Fast, Engine::Meta}) {
    Maker make(engine, DataType::BFLOAT16);
    const Tensor x = make.normal({2, 3, 4}), y = make.normal({2, 3, 5}), z = make.normal({2, 3});
    expect_refused("permute", "each of 0 to 2 once", [&] { permute(x, std::vector{0, 1, 1}); });
    expect_refused("permute", "each of 0 to 2 once", [&] { permute(x, std::vector{0, 1}); });
    expect_refused("permute", "each of 0 to 2 once", [&] { permute(x, std::vector{0, 1, 3}); });
    expect_refused("transpose", "rank 3", [&] { transpose(x, 0, 3); });
    expect_refused("slice", "dimension 1", [&] { slice(x, Dims{0, 2, 0}, Dims{2, 2, 4}); });
    expect_refused("slice", "dimension 2", [&] { slice(x, Dims{0, 0, 0}, Dims{2, 3, 5}); });
    expect_refused("slice", "dimension 0", [&] { slice(x, Dims{-1, 0, 0}, Dims{2, 3, 4}); });
    expect_refused("slice", "give 3 starts", [&] { slice(x, Dims{0}, Dims{1}); });
    expect_refused("concat", "equal other dimensions", [&] { concat(std::vector{x, y}, 1); });
    expect_refused("concat", "equal other dimensions", [&] { concat(std::vector{x, z}, 0); });
    expect_refused("concat", "dim 3", [&] { concat(std::vector{x, x}, 3); });
    expect_refused("concat", "no input", [&] { concat({}, 0); });
    EXPECT_EQ(concat(std::vector{x, y}, -1).logical_shape(), (Shape{2, 3, 9}));
  }
}

}  // namespace
}  // namespace tessera::test
