#include "tensor/host_tensor.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/bfloat16.hpp"
#include "util/error.hpp"

namespace tessera::test {
namespace {

using Ints = std::vector<std::int32_t>;

TEST(HostTensor, PaddingIsZero) {
  const std::vector<float> ones(5, 1.0f);
  const HostTensor tensor = HostTensor::from_vector(ones, {{1, 5}, DataType::BFLOAT16, Layout::TILE});
  ASSERT_EQ(tensor.bytes().size(), 2048u);
  int nonzero = 0;
  for (const std::byte b : tensor.bytes()) nonzero += b != std::byte{0};
  EXPECT_EQ(nonzero, 10);
  EXPECT_EQ(tensor.to_vector(), ones);
}

TEST(HostTensor, BlockFloatGroupsAreFaceRows) {
  // Columns 0-15 and 16-31 have exponents of their own; so does every row.
  std::vector<float> values(64, 1.0f);
  values[0] = 1000.0f;
  const HostTensor tensor = HostTensor::from_vector(values, {{2, 32}, DataType::BFLOAT4_B, Layout::TILE});
  const std::vector<float> back = tensor.to_vector();
  EXPECT_EQ(back[0], 1024 - 128.0f);  // saturated: seven eighths of 2^10
  EXPECT_EQ(back[1], 0.0f);           // beside a thousand one is nothing
  EXPECT_EQ(back[16], 1.0f);
  EXPECT_EQ(back[32], 1.0f);
}

TEST(HostTensor, IntegersKeepTheirBits) {
  const Ints values{0,         -1,         INT32_MIN,
                    INT32_MAX, 0x7FA00001, 1};  // as a float, one of them is a signalling NaN
  for (const Layout layout : {Layout::ROW_MAJOR, Layout::TILE}) {
    const HostTensor tensor = HostTensor::from_vector(values, {{2, 3}, DataType::INT32, layout});
    EXPECT_EQ(tensor.to_int_vector(), values);
    EXPECT_EQ(tensor.to_layout(Layout::TILE).to_layout(Layout::ROW_MAJOR).to_int_vector(), values);
    EXPECT_EQ(tensor.to_vector()[1], -1.0f);
    EXPECT_EQ(tensor.to_dtype(DataType::UINT32).to_vector()[1], 4294967295.0f);
  }
  const HostTensor from_floats =
      HostTensor::from_vector(std::vector<float>{-3, 7.9f}, {{2}, DataType::INT32, Layout::ROW_MAJOR});
  EXPECT_EQ(from_floats.to_int_vector(), (Ints{-3, 7}));
  EXPECT_EQ(
      HostTensor::from_vector(std::vector<float>{4294967040.0f}, {{1}, DataType::UINT32, Layout::ROW_MAJOR})
          .to_vector()[0],
      4294967040.0f);
}

TEST(HostTensor, ChangesDtypeByRounding) {
  const std::vector<float> values{64.75f, 65.25f, 1.0f, -127.9f};
  const HostTensor f32 = HostTensor::from_vector(values, {{4}, DataType::FLOAT32, Layout::TILE});
  EXPECT_EQ(f32.to_dtype(DataType::BFLOAT8_B).to_vector(), (std::vector<float>{65, 65, 1, -127}));
  EXPECT_EQ(f32.to_dtype(DataType::BFLOAT16).to_vector(), (std::vector<float>{65, 65, 1, -128}));
  EXPECT_EQ(f32.to_dtype(DataType::FLOAT32).to_vector(), values);
}

TEST(HostTensor, EmptyAndScalar) {
  const HostTensor empty =
      HostTensor::from_vector(std::vector<float>{}, {{3, 0}, DataType::BFLOAT16, Layout::TILE});
  EXPECT_TRUE(empty.to_vector().empty());
  const HostTensor scalar =
      HostTensor::from_vector(std::vector<float>{2.5f}, {{}, DataType::BFLOAT8_B, Layout::TILE});
  EXPECT_EQ(scalar.bytes().size(), 1088u);
  EXPECT_EQ(scalar.to_vector(), std::vector<float>{2.5f});
}

TEST(HostTensor, Refusals) {
  const std::vector<float> six(6);
  const TensorSpec spec{{2, 3}, DataType::BFLOAT16, Layout::TILE};
  EXPECT_THROW(HostTensor::from_vector(std::vector<float>(5), spec), UserError);
  EXPECT_THROW(HostTensor::from_vector(Ints(6), spec), UserError);
  EXPECT_THROW(HostTensor::from_vector(six, {{2, 3}, DataType::BFLOAT8_B, Layout::ROW_MAJOR}), UserError);
  EXPECT_THROW(HostTensor(spec, std::vector<std::byte>(2047)), UserError);
  const HostTensor block = HostTensor::from_vector(six, {{2, 3}, DataType::BFLOAT4_B, Layout::TILE});
  EXPECT_THROW(block.to_layout(Layout::ROW_MAJOR), UserError);
  EXPECT_THROW(block.to_int_vector(), UserError);
}

}  // namespace
}  // namespace tessera::test
