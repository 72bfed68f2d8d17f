// Physical forms: what is encoded comes back as the dtype holds it, for shapes that fill no strip.
#include "device/form.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "tensor/bfloat16.hpp"
#include "tensor/block_float.hpp"
#include "util/error.hpp"
#include "util/rng.hpp"

namespace tessera::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr Form kForms[] = {Form::RowsF32,   Form::RowsBf16,   Form::RowsBfp8,   Form::RowsInt32,
                           Form::StripsF32, Form::StripsBf16, Form::StripsBfp8, Form::StripsBfp4};

// One trip through a form.
std::vector<float> trip(Form form, const Shape& shape, const std::vector<float>& values) {
  // 0xFF all around: whatever encode() leaves out would show.
  std::vector<std::byte> bytes(static_cast<std::size_t>(form_bytes(form, shape)), std::byte{0xFF});
  encode(form, shape, values, bytes);
  std::vector<float> back(values.size());
  decode(form, shape, bytes, back);
  return back;
}

// What the dtype of a form holds of the values.
std::vector<float> expected(Form form, const Shape& shape, std::vector<float> values) {
  const auto cols = static_cast<std::size_t>(shape[-1]);
  for (std::size_t at = 0; at < values.size(); at += cols) {
    const auto row = std::span(values).subspan(at, cols);
    switch (form) {
      case Form::RowsBf16:
      case Form::StripsBf16:
        std::ranges::transform(row, row.begin(), round_to_bf16);
        break;
      case Form::StripsBfp8:
        round_to_block_float(DataType::BFLOAT8_B, row);
        break;
      case Form::StripsBfp4:
        round_to_block_float(DataType::BFLOAT4_B, row);
        break;
      case Form::RowsInt32:
        std::ranges::transform(row, row.begin(), [](float v) { return std::trunc(v); });
        break;
      case Form::RowsBfp8:
        for (std::size_t g = 0; g < cols; g += 16) {
          std::array<bf16, 16> half{};
          std::array<float, 16> out;
          const auto n = std::min<std::size_t>(16, cols - g);
          std::transform(row.begin() + g, row.begin() + g + n, half.begin(), float_to_bf16);
          unpack_group(DataType::BFLOAT8_B, pack_group_device(DataType::BFLOAT8_B, half), out);
          std::copy_n(out.begin(), n, row.begin() + g);
        }
        break;
      default:
        break;
    }
  }
  return values;
}

TEST(Form, EveryShapeComesBack) {
  for (const Form form : kForms) {
    for (const Shape& shape :
         {Shape{1, 1}, Shape{3, 15}, Shape{2, 16}, Shape{5, 31}, Shape{4, 32}, Shape{7, 33}, Shape{2, 3, 65},
          Shape{1, 2, 5, 100}, Shape{40}, Shape{130, 70}}) {
      SCOPED_TRACE(std::to_string(static_cast<int>(form)) + " " + to_string(shape));
      Rng rng(5);
      std::vector<float> values(static_cast<std::size_t>(shape.volume()));
      for (float& v : values) v = 20 * rng.heavy_tailed();
      EXPECT_EQ(trip(form, shape, values), expected(form, shape, values));
    }
  }
}

TEST(Form, EmptyTensors) {
  for (const Form form : kForms) {
    for (const Shape& shape : {Shape{0, 5}, Shape{5, 0}}) {
      EXPECT_EQ(form_bytes(form, shape), 0);
      EXPECT_TRUE(trip(form, shape, {}).empty());
    }
  }
}

TEST(Form, Sizes) {
  const Shape shape{2, 10, 33};  // 33 columns are two strips
  EXPECT_EQ(form_bytes(Form::None, shape), 0);
  EXPECT_EQ(form_bytes(Form::RowsF32, shape), 660 * 4);
  EXPECT_EQ(form_bytes(Form::RowsBf16, shape), 660 * 2);
  EXPECT_EQ(form_bytes(Form::RowsBfp8, shape), 20 * (3 + 48));
  EXPECT_EQ(form_bytes(Form::StripsF32, shape), 2 * 2 * 10 * 32 * 4);
  EXPECT_EQ(form_bytes(Form::StripsBfp8, shape), 2 * 2 * (1024 + 64 + 64));  // K is padded to 32
  EXPECT_EQ(form_bytes(Form::StripsBfp4, shape), 2 * 2 * (512 + 64 + 64));
  // 8.5 and 4.5 bits a weight, and a little.
  EXPECT_EQ(form_bytes(Form::StripsBfp8, {2048, 32}), 64 * (1024 + 64) + 128);
}

// The layout that the header promises and the kernels read.
TEST(Form, BytesOfAStrip) {
  std::vector<float> values(2 * 40);
  values[0] = 1;    // row 0, column 0
  values[17] = -2;  // row 0, column 17: the second exponent
  values[40 + 3] = 3;
  std::vector<std::byte> bytes(static_cast<std::size_t>(form_bytes(Form::StripsBfp8, {2, 40})));
  encode(Form::StripsBfp8, {2, 40}, values, bytes);
  const auto at = [&](std::size_t i) { return static_cast<int>(static_cast<std::int8_t>(bytes[i])); };
  // A pair of k by 32 columns, k and k + 1 side by side.
  EXPECT_EQ(at(0), 64);
  EXPECT_EQ(at(17 * 2), -64);
  EXPECT_EQ(at(3 * 2 + 1), 96);
  // Steps above the group's smallest exponent: 1 = 64 * 2^-6, 3 = 96 * 2^-5; zeros have none.
  EXPECT_EQ(at(1024), 1);
  EXPECT_EQ(at(1024 + 1), 2);
  EXPECT_EQ(at(1024 + 2), 1);
  EXPECT_EQ(at(1024 + 64), 127 - 6);
  EXPECT_EQ(static_cast<std::uint8_t>(bytes[1024 + 65]), 128 - 6);

  bytes.resize(static_cast<std::size_t>(form_bytes(Form::StripsBfp4, {2, 40})));
  encode(Form::StripsBfp4, {2, 40}, values, bytes);
  // 32 bits a column: the even k in the lower half, the odd ones in the upper.
  EXPECT_EQ(at(0), 4);
  EXPECT_EQ(at(17 * 4), -4 & 15);
  EXPECT_EQ(at(3 * 4 + 2), 6);
  EXPECT_EQ(at(512 + 64), 127 - 2);
}

TEST(Form, AWideBlockKeepsItsExponents) {
  std::vector<float> values(32 * 32, 1.0f);
  for (std::size_t c = 0; c < 16; ++c) values[5 * 32 + c] = 0x1p-10f;
  std::vector<std::byte> bytes(static_cast<std::size_t>(form_bytes(Form::StripsBfp8, {32, 32})));
  encode(Form::StripsBfp8, {32, 32}, values, bytes);
  EXPECT_EQ(std::to_integer<int>(bytes[1024 + 64]), 0);
  EXPECT_EQ(std::to_integer<int>(bytes[1024]), 127 - 6);
  EXPECT_EQ(std::to_integer<int>(bytes[1024 + 5]), 117 - 6);
  EXPECT_EQ(std::to_integer<int>(bytes[1024 + 65]), 127 - 6);
  EXPECT_EQ(trip(Form::StripsBfp8, {32, 32}, values), values);
}

TEST(Form, ExtremeValues) {
  const float most = std::numeric_limits<float>::max();
  const std::vector<float> values{most, -most, 1e-38f, -1e-45f, 0.0f, -0.0f, 1e30f, -1e-30f, kInf, -kInf};
  EXPECT_EQ(trip(Form::RowsF32, {1, 10}, values), values);
  EXPECT_EQ(trip(Form::StripsF32, {1, 10}, values), values);
  EXPECT_EQ(trip(Form::StripsBf16, {10, 1}, values), expected(Form::StripsBf16, {10, 1}, values));
  EXPECT_EQ(trip(Form::RowsBf16, {1, 10}, values), expected(Form::RowsBf16, {1, 10}, values));
  // Each value in a group of its own. Below 2^-120 a strip holds zero: its exponent would not be a float's.
  for (const float v : {most, -most, 1e30f, 1e-30f, -1e-34f}) {
    EXPECT_EQ(trip(Form::StripsBfp8, {1, 1}, {v}), expected(Form::StripsBfp8, {1, 1}, {v})) << v;
    EXPECT_EQ(trip(Form::StripsBfp4, {1, 1}, {v}), expected(Form::StripsBfp4, {1, 1}, {v})) << v;
  }
  EXPECT_EQ(trip(Form::StripsBfp8, {1, 1}, {0x1p-121f})[0], 0.0f);
  EXPECT_EQ(trip(Form::StripsBfp8, {1, 1}, {0x1p-120f})[0], 0x1p-120f);
  EXPECT_EQ(trip(Form::RowsBfp8, {1, 3}, {1e-38f, 0, 0}), (expected(Form::RowsBfp8, {1, 3}, {1e-38f, 0, 0})));
}

TEST(Form, NanSurvivesWhereTheDtypeHasOne) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Form form : {Form::RowsF32, Form::RowsBf16, Form::StripsF32, Form::StripsBf16}) {
    const std::vector<float> back = trip(form, {2, 2}, {1, nan, 2, 3});
    EXPECT_TRUE(std::isnan(back[1]));
    EXPECT_EQ(back[2], 2.0f);
  }
  // Block-float has none: it stands as a number beyond every float, and only in its group.
  const std::vector<float> back = trip(Form::RowsBfp8, {2, 2}, {1, nan, 2, 3});
  EXPECT_FALSE(std::isfinite(back[1]));
  EXPECT_EQ(back[3], 3.0f);
}

TEST(Form, MetaHasNoValues) {
  std::vector<float> values(4);
  EXPECT_THROW(decode(Form::None, {2, 2}, {}, values), UserError);
}

}  // namespace
}  // namespace tessera::test
