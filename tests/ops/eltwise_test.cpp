#include "ops/eltwise/eltwise.hpp"

#include <cmath>
#include <limits>

#include "op_test_util.hpp"

namespace tessera::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr Activation kActivations[] = {Activation::None, Activation::Silu, Activation::Gelu,
                                       Activation::GeluTanh};

using BinaryOp = Tensor (*)(const Tensor&, const Tensor&, Activation, const OpOptions&);
constexpr BinaryOp kBinary[] = {add, subtract, multiply};

// gelu_f32's erf is within 1.5e-7 of the truth: an error of that times |x|, whatever the result's size.
constexpr Tolerance kGelu32{5e-6f, 2e-5f};

TEST(Eltwise, FastMatchesRef) {
  for (const std::int64_t dim : {1, 7, 16, 33, 96, 1537}) {
    for (const std::int64_t rows : {1, 5, 32}) {
      expect_fast_matches_ref([&](Maker& make) {
        const Tensor a = make.normal({1, 1, rows, dim}), b = make.heavy_tailed({1, 1, rows, dim});
        std::vector<Tensor> out;
        for (const BinaryOp op : kBinary) out.push_back(op(a, b, Activation::None, {}));
        out.push_back(multiply(a, b, Activation::Silu));
        out.push_back(silu(b));
        return out;
      });
    }
  }
}

TEST(Eltwise, ActivationsOfTheFirstInput) {
  for (const DataType dtype : {DataType::FLOAT32, DataType::BFLOAT16}) {
    const Tolerance t = dtype == DataType::FLOAT32 ? Tolerance{2e-5f, 2e-5f} : Tolerance{2e-5f, 0.0041f};
    expect_fast_matches_ref(
        dtype,
        [](Maker& make) {
          const Tensor a = make.normal({2, 1, 3, 45}), b = make.normal({2, 1, 3, 45});
          std::vector<Tensor> out;
          for (const Activation act : kActivations) {
            for (const BinaryOp op : kBinary) out.push_back(op(a, b, act, {}));
          }
          out.push_back(gelu(a));
          out.push_back(gelu(a, true));
          out.push_back(tanh(a));
          out.push_back(sigmoid(a));
          return out;
        },
        t);
  }
}

TEST(Eltwise, OneRowAndOneValueForAll) {
  expect_fast_matches_ref([](Maker& make) {
    const Tensor a = make.normal({1, 2, 5, 37});
    const Tensor row = make.normal({1, 1, 1, 37}), vector = make.normal({37}), value = make.normal({1});
    return std::vector{add(a, row),
                       add(a, vector),
                       subtract(a, value),
                       multiply(a, vector),
                       multiply(a, value, Activation::Silu),
                       multiply(a, -0.22f)};
  });
  Maker make(Engine::Fast, DataType::FLOAT32);
  const Tensor sum = add(make.from({1, 2, 3, 4}, {2, 2}), make.from({10, 20}, {2}));
  EXPECT_EQ(sum.to_vector(), (std::vector<float>{11, 22, 13, 24}));
}

TEST(Eltwise, KnownValues) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    Maker make(engine, DataType::FLOAT32);
    const std::vector<float> x{-3, -1, -0.25f, 0, 0.5f, 1, 4};
    std::vector<float> silu_x, gelu_x, tanh_x;
    for (const double v : x) {
      silu_x.push_back(static_cast<float>(v / (1 + std::exp(-v))));
      gelu_x.push_back(static_cast<float>(v / 2 * std::erfc(-v / std::sqrt(2.0))));
      tanh_x.push_back(
          static_cast<float>(v / 2 * (1 + std::tanh(0.7978845608 * (v + 0.044715 * v * v * v)))));
    }
    const Tensor t = make.from(x, {7});
    expect_close(silu_x, silu(t).to_vector(), {1e-7f, 1e-6f});
    expect_close(gelu_x, gelu(t).to_vector(), {5e-7f, 1e-6f});
    expect_close(tanh_x, gelu(t, true).to_vector(), {2e-7f, 2e-6f});
    EXPECT_EQ(subtract(t, t).to_vector(), std::vector<float>(7, 0.0f));
    EXPECT_EQ(multiply(t, -2.0f).to_vector(), (std::vector<float>{6, 2, 0.5f, 0, -1, -2, -8}));
    std::vector<float> tanhs;
    for (const float v : x) tanhs.push_back(static_cast<float>(std::tanh(static_cast<double>(v))));
    expect_close(tanhs, tanh(t).to_vector(), {3e-7f, 1e-6f});
    std::vector<float> sigmoids;
    for (const float v : x)
      sigmoids.push_back(static_cast<float>(1 / (1 + std::exp(-static_cast<double>(v)))));
    expect_close(sigmoids, sigmoid(t).to_vector(), {3e-7f, 1e-6f});
  }
}

TEST(Eltwise, ExtremeValues) {
  for (const DataType dtype : {DataType::FLOAT32, DataType::BFLOAT16}) {
    const Tolerance t = dtype == DataType::FLOAT32 ? kGelu32 : Tolerance{5e-6f, 0.0041f};
    expect_fast_matches_ref(
        dtype,
        [](Maker& make) {
          const Tensor a = make.extreme({1, 1, 4, 70}), b = make.extreme({1, 1, 4, 70});
          return std::vector{add(a, b), subtract(a, b), multiply(a, b), silu(a),
                             gelu(a),   gelu(a, true),  tanh(a),        sigmoid(a)};
        },
        t);
  }
}

TEST(Eltwise, NanAndInfinityGoThrough) {
  for_each_isa([] {
    for (const DataType dtype : {DataType::FLOAT32, DataType::BFLOAT16}) {
      Maker make(Engine::Fast, dtype);
      std::vector<float> values(37, 1.0f);
      values[0] = values[20] = values[36] = kNan;
      values[5] = values[35] = kInf;
      const Tensor x = make.from(values, {37});
      EXPECT_EQ(tanh(x).to_vector()[5], 1.0f);
      EXPECT_TRUE(std::isnan(tanh(x).to_vector()[0]));
      for (const Tensor& y : {silu(x), gelu(x), gelu(x, true), add(x, x), multiply(x, x, Activation::Silu)}) {
        const std::vector<float> out = y.to_vector();
        for (std::size_t i = 0; i < out.size(); ++i) {
          EXPECT_EQ(std::isnan(out[i]), std::isnan(values[i])) << i;
          EXPECT_EQ(out[i] == kInf, values[i] == kInf) << i;
        }
      }
    }
  });
}

TEST(Eltwise, MixedAndChosenDtypes) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    Maker wide(engine, DataType::FLOAT32);
    const Tensor a = wide.normal({1, 1, 3, 50});
    const Tensor b = to_device(a.device(), a.to_vector(), {{1, 1, 3, 50}, DataType::BFLOAT16, Layout::TILE});
    EXPECT_EQ(add(a, b).dtype(), DataType::FLOAT32);
    EXPECT_EQ(add(b, a).dtype(), DataType::BFLOAT16);
    OpOptions options;
    options.dtype = DataType::FLOAT32;
    const Tensor sum = add(b, a, Activation::None, options);
    EXPECT_EQ(sum.dtype(), DataType::FLOAT32);
    EXPECT_EQ(sum.to_vector(), add(a, b).to_vector());
  }
}

TEST(Eltwise, RowsDoNotDependOnTheirNeighbours) {
  expect_rows_independent([](const Tensor& x) { return silu(x); });
  expect_rows_independent([](const Tensor& x) { return gelu(x, true); });
  expect_rows_independent([](const Tensor& x) { return multiply(x, x, Activation::Gelu); });
}

TEST(Eltwise, Refusals) {
  for (const Engine engine : {Engine::Ref, Engine::Fast, Engine::Meta}) {
    Maker make(engine, DataType::BFLOAT16);
    const Tensor a = make.normal({1, 1, 4, 6}), b = make.normal({1, 1, 6, 4});
    expect_refused("add", "the second must have the first's shape", [&] { add(a, b); });
    expect_refused("multiply", "[1, 1, 6, 4]", [&] { multiply(a, b); });
    expect_refused("subtract", "not allocated", [&] { subtract(a, {}); });
    expect_refused("silu", "float", [&] { silu(make.ints({1}, {1})); });
    OpOptions options;
    options.dtype = DataType::BFLOAT8_B;
    expect_refused("gelu", "bfloat8_b", [&] { gelu(a, false, options); });
    options = {};
    options.memory_config = DRAM_WIDTH_SHARDED;
    expect_refused("silu", "width-sharded", [&] { silu(a, options); });
  }
}

}  // namespace
}  // namespace tessera::test
