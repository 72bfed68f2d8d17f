// Ops on what a real prompt puts into them (tests/data/ops/README.md): outliers that no random input has.
#include <cmath>

#include "op_test_util.hpp"
#include "ops/linear/linear.hpp"
#include "ops/rms_norm/rms_norm.hpp"
#include "ops/sdpa/sdpa.hpp"
#include "tensor/npy.hpp"

namespace tessera::test {
namespace {

Tensor captured(Maker& make, const std::string& name) {
  const HostTensor host = read_npy(TESSERA_TEST_DATA "/ops/" + name + ".npy");
  return make.from(host.to_vector(), host.spec().logical_shape);
}

TEST(RealActivations, HaveTheirOutlier) {
  Maker make(Engine::Fast, DataType::BFLOAT16);
  const std::vector<float> hidden = captured(make, "hidden").to_vector();
  float largest = 0;
  for (const float v : hidden) largest = std::max(largest, std::abs(v));
  EXPECT_GT(largest, 20000.0f);
}

TEST(RealActivations, RmsNorm) {
  expect_fast_matches_ref([](Maker& make) {
    const Tensor x = captured(make, "hidden"), weight = make.normal({576});
    return std::vector{rms_norm(x, 1e-5f, weight)};
  });
}

std::vector<float> product(Maker& make, const Tensor& x, DataType weights) {
  std::vector<float> w(1536 * 70);
  for (float& v : w) v = 0.05f * make.rng().heavy_tailed();
  return linear(x, to_device(make.device(), w, {{1536, 70}, weights, Layout::TILE}, DRAM_WIDTH_SHARDED))
      .to_vector();
}

TEST(RealActivations, Linear) {
  for (const DataType weights : {DataType::FLOAT32, DataType::BFLOAT16}) {
    for (const DataType dtype : {DataType::FLOAT32, DataType::BFLOAT16}) {
      SCOPED_TRACE(std::string(to_string(weights)) + " weights, " + std::string(to_string(dtype)));
      Maker ref(Engine::Ref, dtype);
      const std::vector<float> expected = product(ref, captured(ref, "down_proj_input"), weights);
      for_each_isa([&] {
        Maker fast(Engine::Fast, dtype);
        // 1536 terms of up to 3: the order of sums.
        expect_close(expected, product(fast, captured(fast, "down_proj_input"), weights),
                     {2e-5f, dtype == DataType::FLOAT32 ? 2e-5f : 0.0041f});
      });
    }
  }
}

// Block-float weights round activations in blocks of 32: a row's error has to stay below a quarter of what
// bfloat16 activations would cost it.
TEST(RealActivations, BlockFixedPointIsCloserThanBfloat16) {
  Maker make(Engine::Ref, DataType::FLOAT32), narrow(Engine::Ref, DataType::BFLOAT16);
  const Shape shape = captured(make, "down_proj_input").logical_shape();
  // The capture is in bfloat16: a factor fills the bits that a residual stream in float32 has.
  std::vector<float> x = captured(make, "down_proj_input").to_vector();
  for (float& v : x) v *= 1.1f;
  const std::vector<float> x16 = narrow.from(x, shape).to_vector();
  for (const DataType weights : {DataType::BFLOAT8_B, DataType::BFLOAT4_B}) {
    SCOPED_TRACE(to_string(weights));
    const auto run = [&](Engine engine, const std::vector<float>& values) {
      Maker maker(engine, DataType::FLOAT32);
      return product(maker, maker.from(values, shape), weights);
    };
    const std::vector<float> expected = run(Engine::Ref, x), rounded = run(Engine::Ref, x16);
    for_each_isa([&] {
      const std::vector<float> actual = run(Engine::Fast, x);
      for (std::size_t row = 0; row < expected.size(); row += 70) {
        double error = 0, error16 = 0;
        for (std::size_t i = row; i < row + 70; ++i) {
          error += std::pow(static_cast<double>(actual[i]) - expected[i], 2);
          error16 += std::pow(static_cast<double>(rounded[i]) - expected[i], 2);
        }
        EXPECT_LE(std::sqrt(error), 0.25 * std::sqrt(error16)) << "row " << row / 70;
      }
    });
  }
}

TEST(RealActivations, Attention) {
  expect_fast_matches_ref([](Maker& make) {
    const Tensor q = captured(make, "q"), k = captured(make, "k"), v = captured(make, "v");
    return std::vector{transformer::scaled_dot_product_attention(q, k, v),
                       transformer::scaled_dot_product_attention(q, k, v, {}, false)};
  });
}

}  // namespace
}  // namespace tessera::test
