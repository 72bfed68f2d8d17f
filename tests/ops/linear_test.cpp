#include "ops/linear/linear.hpp"

#include <cmath>
#include <limits>

#include "fixed_point.hpp"
#include "op_test_util.hpp"

namespace tessera::test {
namespace {

// Every way the fast engine keeps a weight.
struct WeightForm {
  DataType dtype;
  bool strips;
  Form form;
};
constexpr WeightForm kForms[] = {
    {DataType::FLOAT32, false, Form::RowsF32},     {DataType::FLOAT32, true, Form::StripsF32},
    {DataType::BFLOAT16, false, Form::RowsBf16},   {DataType::BFLOAT16, true, Form::StripsBf16},
    {DataType::BFLOAT8_B, true, Form::StripsBfp8}, {DataType::BFLOAT4_B, true, Form::StripsBfp4},
};

// Around every change of path: 1 to 4 rows are multiplied while decoding, 8 and 3 are register blocks.
constexpr std::int64_t kRowCounts[] = {1, 2, 3, 4, 5, 8, 31, 32, 33, 100};

std::vector<float> values(Rng& rng, std::int64_t n) {
  std::vector<float> v(static_cast<std::size_t>(n));
  for (float& value : v) value = rng.normal();
  return v;
}

Tensor matrix(Device& device, const std::vector<float>& v, const Shape& shape, const WeightForm& form) {
  return to_device(device, v, {shape, form.dtype, Layout::TILE},
                   form.strips ? DRAM_WIDTH_SHARDED : DRAM_MEMORY_CONFIG);
}

// Block-float weights round activations first (ActivationsRoundAsDocumented); here they come rounded, so that
// sums are compared as closely as for the other forms.
Tensor rounded(Maker& make, const Tensor& x, const WeightForm& form) {
  if (!is_block_float(form.dtype)) return x;
  const Shape& shape = x.logical_shape();
  return make.from(fixed_point(x.to_vector(), static_cast<std::size_t>(shape[-1])), shape);
}

// N(0, 1) products: the error of a sum of k is relative to its terms, not to a sum that may cancel.
Tolerance tolerance(DataType dtype, std::int64_t k) {
  const float abs = 4e-7f * static_cast<float>(k) + 1e-6f;
  return {abs, dtype == DataType::FLOAT32 ? 2e-6f : 0.0041f};
}

TEST(Linear, EveryFormMatchesRef) {
  for (const WeightForm& form : kForms) {
    SCOPED_TRACE(std::string(to_string(form.dtype)) + (form.strips ? " strips" : " rows"));
    // 128 rows of K are a panel.
    for (const std::int64_t k : {1, 33, 128, 261}) {
      for (const std::int64_t n : {1, 33, 64, 71}) {
        for (const std::int64_t m : kRowCounts) {
          SCOPED_TRACE(testing::Message() << "m " << m << " k " << k << " n " << n);
          const DataType dtype = m % 2 == 0 ? DataType::FLOAT32 : DataType::BFLOAT16;
          expect_fast_matches_ref(
              dtype,
              [&](Maker& make) {
                const Tensor x = rounded(make, make.normal({1, 1, m, k}), form);
                const Tensor w = matrix(make.device(), values(make.rng(), k * n), {k, n}, form);
                EXPECT_EQ(w.form(), make.device().engine() == Engine::Fast ? form.form : Form::RowsF32);
                return std::vector{linear(x, w)};
              },
              tolerance(dtype, k));
        }
      }
    }
  }
}

TEST(Linear, BiasAndActivations) {
  for (const WeightForm& form : kForms) {
    for (const DataType dtype : {DataType::FLOAT32, DataType::BFLOAT16}) {
      expect_fast_matches_ref(
          dtype,
          [&](Maker& make) {
            const Tensor x = rounded(make, make.normal({2, 1, 5, 40}), form);
            const Tensor w = matrix(make.device(), values(make.rng(), 40 * 67), {1, 1, 40, 67}, form);
            const Tensor bias = make.normal({1, 1, 1, 67});
            return std::vector{linear(x, w, bias), linear(x, w, bias, Activation::Silu),
                               linear(x, w, {}, Activation::Gelu),
                               linear(x, w, bias, Activation::None, {.dtype = DataType::FLOAT32})};
          },
          tolerance(dtype, 60));
    }
  }
}

TEST(Linear, HeavyTailedAndExtremeInputs) {
  for (const WeightForm& form : kForms) {
    expect_fast_matches_ref(DataType::FLOAT32,
                            [&](Maker& make) {
                              const Tensor x = rounded(make, make.heavy_tailed({1, 1, 6, 96}), form);
                              std::vector<float> w = values(make.rng(), 96 * 50);
                              for (std::size_t i = 0; i < w.size(); i += 37) w[i] = i % 2 == 0 ? 0.0f : 60.0f;
                              return std::vector{linear(x, matrix(make.device(), w, {96, 50}, form))};
                            },
                            // Terms of up to 60 times a tail of some 20.
                            {3e-3f, 2e-5f});
  }
}

// |error| <= sum of |w| times half a unit of its block, and that rounding is what bounds it.
TEST(Linear, ActivationsRoundAsDocumented) {
  for (const DataType dtype : {DataType::BFLOAT8_B, DataType::BFLOAT4_B}) {
    for_each_isa([&] {
      for (const std::int64_t m : {1, 9}) {
        const std::int64_t k = 150, n = 40;
        Maker make(Engine::Fast, DataType::FLOAT32);
        const Tensor x = make.heavy_tailed({m, k});
        const Tensor w = matrix(make.device(), values(make.rng(), k * n), {k, n}, {dtype, true, {}});
        const std::vector<float> xs = x.to_vector(), ws = w.to_vector(), y = linear(x, w).to_vector();
        std::vector<double> exact(y.size()), bound(y.size());
        for_each_fixed_block(xs, k, [&](std::size_t first, std::size_t count, float unit) {
          for (std::size_t i = first; i < first + count; ++i) {
            for (std::size_t c = 0; c < 40; ++c) {
              const double weight = ws[i % 150 * 40 + c];
              exact[i / 150 * 40 + c] += xs[i] * weight;
              bound[i / 150 * 40 + c] += std::abs(weight) * unit / 2 + std::abs(xs[i] * weight) * 1e-6;
            }
          }
        });
        for (std::size_t i = 0; i < y.size(); ++i) EXPECT_LE(std::abs(y[i] - exact[i]), bound[i]) << i;
        const std::vector<float> same =
            linear(make.from(fixed_point(xs, static_cast<std::size_t>(k)), {m, k}), w).to_vector();
        EXPECT_TRUE(same_bits(y, same));
      }
    });
  }
}

// Exponents of a group that lie too far apart for 14-bit integers, in some blocks and one of two groups.
TEST(Linear, WideBlocks) {
  for (const WeightForm& form : kForms) {
    for (const std::int64_t m : kRowCounts) {
      SCOPED_TRACE(testing::Message() << to_string(form.dtype) << " m " << m);
      expect_fast_matches_ref(
          DataType::FLOAT32,
          [&](Maker& make) {
            const Tensor x = rounded(make, make.normal({m, 261}), form);
            std::vector<float> w = values(make.rng(), 261 * 48);
            for (const std::size_t k : {3u, 40u, 70u, 71u, 200u}) {
              for (std::size_t c = k == 40 ? 16 : 0; c < 32; ++c) w[k * 48 + c] *= 1e-4f;
            }
            return std::vector{linear(x, matrix(make.device(), w, {261, 48}, form))};
          },
          tolerance(DataType::FLOAT32, 261));
    }
  }
}

// Exact sums have no order: every instruction set gives the same bits, and one row the same as many. Blocks
// have steps of at most 4, which a few rows put into their codes; up to 64; and more, which makes them wide.
// The first of each 32 activations would round up to 8192.
TEST(Linear, BlockFloatIsTheSameOnEveryInstructionSet) {
  for (const DataType dtype : {DataType::BFLOAT8_B, DataType::BFLOAT4_B}) {
    for (const int falls : {3, 7, 9}) {
      SCOPED_TRACE(testing::Message() << to_string(dtype) << " falls " << falls);
      std::vector<float> first;
      for_each_isa([&] {
        Maker make(Engine::Fast, DataType::FLOAT32);
        std::vector<float> x = make.heavy_tailed({33, 261}).to_vector();
        for (std::size_t i = 0; i < x.size(); ++i) {
          if (i % 261 % 32 == 0) x[i] = 0x1.ffffp8f;
        }
        std::vector<float> w = values(make.rng(), 261 * 71);
        for (std::size_t i = 0; i < w.size(); ++i) {
          w[i] =
              std::ldexp(std::copysign(1.0f + std::abs(w[i]) / 8, w[i]), -static_cast<int>(i / 71) % falls);
        }
        const Tensor weight = matrix(make.device(), w, {261, 71}, {dtype, true, {}});
        const std::vector<float> all = linear(make.from(x, {33, 261}), weight).to_vector();
        if (first.empty()) first = all;
        EXPECT_TRUE(same_bits(first, all));
        for (const std::int64_t m : {1, 2, 3, 4, 5, 8}) {
          const std::vector<float> last(x.end() - m * 261, x.end());
          const std::vector<float> y = linear(make.from(last, {m, 261}), weight).to_vector();
          EXPECT_TRUE(same_bits(y, {all.end() - m * 71, all.end()})) << m << " rows";
        }
      });
    }
  }
}

TEST(Linear, TinyAndHugeActivations) {
  for (const DataType dtype : {DataType::BFLOAT8_B, DataType::BFLOAT4_B}) {
    for_each_isa([&] {
      Maker make(Engine::Fast, DataType::FLOAT32);
      std::vector<float> x(4 * 64, 0.0f);
      x[0] = 0x1p-101f;  // rounds to nothing
      x[64] = 0x1p-99f;
      x[128] = 3e38f;
      x[192] = -1e-42f;
      const Tensor w = matrix(make.device(), std::vector<float>(64 * 32, 0.5f), {64, 32}, {dtype, true, {}});
      const std::vector<float> y = linear(make.from(x, {4, 64}), w).to_vector();
      EXPECT_EQ(y[0], 0.0f);
      EXPECT_EQ(y[32], 0x1p-100f);
      EXPECT_NEAR(y[64], 1.5e38f, 1.5e38f * 0x1p-13f);
      EXPECT_EQ(y[96], 0.0f);
    });
  }
}

TEST(Linear, NanAndInfinityReachTheirRowOnly) {
  for (const WeightForm& form : kForms) {
    for_each_isa([&] {
      for (const std::int64_t m : {3, 9}) {
        Maker make(Engine::Fast, DataType::FLOAT32);
        std::vector<float> x = values(make.rng(), m * 20);
        x[20 + 7] = std::numeric_limits<float>::quiet_NaN();
        const Tensor w = matrix(make.device(), std::vector<float>(20 * 40, 1.0f), {20, 40}, form);
        const std::vector<float> y = linear(make.from(x, {m, 20}), w).to_vector();
        for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i / 40 == 1) << i;
      }
    });
  }
}

TEST(Linear, ARowIsTheSameAloneAndInABatch) {
  for (const WeightForm& form : kForms) {
    SCOPED_TRACE(std::string(to_string(form.dtype)) + (form.strips ? " strips" : " rows"));
    for_each_isa([&] {
      Maker make(Engine::Fast, DataType::BFLOAT16);
      const Tensor w = matrix(make.device(), values(make.rng(), 261 * 71), {261, 71}, form);
      const Tensor x = make.normal({1, 1, 100, 261});
      const std::vector<float> rows = x.to_vector();
      const std::vector<float> all = linear(x, w).to_vector();
      for (const std::int64_t m : kRowCounts) {
        // The last m rows, so that a row is at another place of its register block.
        const std::vector<float> last(rows.end() - m * 261, rows.end());
        const std::vector<float> y = linear(make.from(last, {1, 1, m, 261}), w).to_vector();
        EXPECT_TRUE(same_bits(y, {all.end() - m * 71, all.end()})) << m << " rows";
      }
    });
  }
}

TEST(Linear, StripsGiveWhatRowsGive) {
  for (const DataType dtype : {DataType::FLOAT32, DataType::BFLOAT16}) {
    for_each_isa([&] {
      for (const std::int64_t m : kRowCounts) {
        Maker make(Engine::Fast, DataType::FLOAT32);
        const Tensor x = make.normal({1, 1, m, 150});
        const std::vector<float> w = values(make.rng(), 150 * 77);
        const Tensor rows = matrix(make.device(), w, {150, 77}, {dtype, false, {}});
        const Tensor strips = matrix(make.device(), w, {150, 77}, {dtype, true, {}});
        EXPECT_TRUE(same_bits(linear(x, rows).to_vector(), linear(x, strips).to_vector())) << m << " rows";
      }
    });
  }
}

TEST(Linear, KnownValues) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    Maker make(engine, DataType::FLOAT32);
    const Tensor x = make.from({1, 2, 3, 4, 5, 6}, {1, 1, 2, 3});
    const Tensor bias = make.from({10, -100}, {2});
    for (const WeightForm& form : kForms) {
      // Exact in every dtype: four magnitudes of 3 bits under one exponent a row.
      const Tensor w = matrix(make.device(), {1, -1, 2, 3, 0, 0.5f}, {3, 2}, form);
      EXPECT_EQ(linear(x, w).to_vector(), (std::vector<float>{5, 6.5f, 14, 14}));
      EXPECT_EQ(linear(x, w, bias).to_vector(), (std::vector<float>{15, -93.5f, 24, -86}));
      const std::vector<float> y = linear(x, w, bias, Activation::Silu).to_vector();
      EXPECT_NEAR(y[0], 15 / (1 + std::exp(-15.0)), 1e-5);
      EXPECT_NEAR(y[3], 0, 1e-30);
    }
  }
}

TEST(Linear, Refusals) {
  for (const Engine engine : {Engine::Ref, Engine::Fast, Engine::Meta}) {
    Maker make(engine, DataType::BFLOAT16);
    const Tensor x = make.normal({1, 1, 4, 6}), w = make.normal({6, 8});
    EXPECT_EQ(linear(x, w).logical_shape(), (Shape{1, 1, 4, 8}));
    expect_refused("linear", "must be the weight's first", [&] { linear(x, make.normal({5, 8})); });
    expect_refused("linear", "8 values expected", [&] { linear(x, w, make.normal({7})); });
    expect_refused("linear", "one float matrix [K, N] expected", [&] { linear(x, make.normal({6})); });
    expect_refused("linear", "one float matrix [K, N] expected", [&] { linear(x, make.normal({2, 6, 8})); });
    expect_refused("linear", "one float matrix [K, N] expected", [&] { linear(x, Tensor()); });
    expect_refused("linear", "no input tensor", [&] { linear(Tensor(), w); });
    expect_refused("linear", "output dtype bfloat8_b",
                   [&] { linear(x, w, {}, Activation::None, {.dtype = DataType::BFLOAT8_B}); });
    expect_refused("linear", "output width-sharded",
                   [&] { linear(x, w, {}, Activation::None, {.memory_config = DRAM_WIDTH_SHARDED}); });
  }
  Maker make(Engine::Fast, DataType::BFLOAT16);
  const Tensor block =
      matrix(make.device(), std::vector<float>(48), {6, 8}, {DataType::BFLOAT8_B, false, {}});
  expect_refused("linear", "DRAM width-sharded", [&] { linear(make.normal({4, 6}), block); });
}

}  // namespace
}  // namespace tessera::test
