// Ops on what a real prompt puts into them (tests/data/ops/README.md): outliers that no random input has.
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

TEST(RealActivations, Linear) {
  for (const DataType weights :
       {DataType::FLOAT32, DataType::BFLOAT16, DataType::BFLOAT8_B, DataType::BFLOAT4_B}) {
    for (const DataType dtype : {DataType::FLOAT32, DataType::BFLOAT16}) {
      SCOPED_TRACE(to_string(weights));
      expect_fast_matches_ref(
          dtype,
          [&](Maker& make) {
            const Tensor x = captured(make, "down_proj_input");
            std::vector<float> w(1536 * 70);
            for (float& v : w) v = 0.05f * make.rng().heavy_tailed();
            return std::vector{linear(
                x, to_device(make.device(), w, {{1536, 70}, weights, Layout::TILE}, DRAM_WIDTH_SHARDED))};
          },
          // 1536 terms of up to 3: the order of sums.
          {2e-5f, dtype == DataType::FLOAT32 ? 2e-5f : 0.0041f});
    }
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
