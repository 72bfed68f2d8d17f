// The exact engine: ops are what the wormhole room computes, close to ref, and follow their compute config.
#include <array>

#include "metrics/compare.hpp"
#include "op_test_util.hpp"
#include "ops/eltwise/eltwise.hpp"
#include "ops/layer_norm/layer_norm.hpp"
#include "ops/linear/linear.hpp"
#include "ops/matmul/matmul.hpp"
#include "ops/rms_norm/rms_norm.hpp"
#include "ops/rotary_embedding/rotary_embedding.hpp"
#include "ops/softmax/softmax.hpp"
#include "ops/sparse_matmul/sparse_matmul.hpp"
#include "sdpa_scene.hpp"
#include "tensor/tile.hpp"
#include "wormhole/eltwise.hpp"
#include "wormhole/l1_accumulate.hpp"
#include "wormhole/matmul.hpp"
#include "wormhole/pack.hpp"

namespace tessera::test {
namespace {

using wormhole::DestFormat;
using wormhole::Tile;

OpOptions with(ComputeKernelConfig config, std::optional<std::int64_t> in0_block_w = {}) {
  OpOptions options;
  options.compute_kernel_config = config;
  options.in0_block_w = in0_block_w;
  return options;
}

// PCC of exact against ref, all outputs together. bfloat16 inputs.
double pcc(const Body& body, DataType dtype = DataType::BFLOAT16) {
  Maker ref(Engine::Ref, dtype), exact(Engine::Exact, dtype);
  std::vector<float> expected, got;
  for (const Tensor& t : body(ref)) {
    for (const float v : t.to_vector()) expected.push_back(v);
  }
  for (const Tensor& t : body(exact)) {
    for (const float v : t.to_vector()) got.push_back(v);
  }
  return metrics::compare(expected, got).pcc;
}

Tensor weight_of(Maker& make, const Shape& shape, DataType dtype) {
  std::vector<float> values(static_cast<std::size_t>(shape.volume()));
  for (float& v : values) v = make.rng().normal();
  return to_device(make.device(), values, {shape, dtype, Layout::TILE}, DRAM_WIDTH_SHARDED);
}

// Values of a [32, 32 * tiles] or [32 * tiles, 32] matrix as source words, tile by tile.
std::vector<Tile> tiles_of(const Tensor& tensor) {
  const std::vector<float> values = tensor.to_vector();
  const std::int64_t columns = tensor.logical_shape()[-1], rows = tensor.logical_shape().volume() / columns;
  std::vector<Tile> tiles(static_cast<std::size_t>(std::max(rows, columns) / 32));
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      const std::size_t t = static_cast<std::size_t>(columns > 32 ? c / 32 : r / 32);
      tiles[t][index_in_tile(r % 32, c % 32)] =
          std::bit_cast<std::uint32_t>(values[static_cast<std::size_t>(r * columns + c)]);
    }
  }
  return tiles;
}

void expect_packed(const Tile& dest, DestFormat format, const Tensor& got) {
  const std::vector<float> values = got.to_vector();
  for (std::int64_t r = 0; r < 32; ++r) {
    for (std::int64_t c = 0; c < 32; ++c) {
      const std::uint32_t word = wormhole::pack_word(format, dest[index_in_tile(r, c)], DataType::BFLOAT16);
      ASSERT_EQ(std::bit_cast<std::uint32_t>(values[static_cast<std::size_t>(r * 32 + c)]), word)
          << r << ", " << c;
    }
  }
}

class ExactLinear : public testing::TestWithParam<DataType> {
 protected:
  void SetUp() override {
    x = make.normal({1, 1, 32, 96});
    w = weight_of(make, {96, 32}, GetParam());
    in0 = tiles_of(x);
    in1 = tiles_of(w);
  }
  Maker make{Engine::Exact, DataType::BFLOAT16};
  Tensor x, w;
  std::vector<Tile> in0, in1;
};

TEST_P(ExactLinear, OneBlockIsTheTileProduct) {
  for (const bool fp32 : {false, true}) {
    for (const auto fidelity : {MathFidelity::LoFi, MathFidelity::HiFi2, MathFidelity::HiFi4}) {
      const DestFormat format = fp32 ? DestFormat::Fp32 : DestFormat::Bf16;
      Tile dest{};
      for (std::size_t k = 0; k < 3; ++k) wormhole::matmul_tile(fidelity, format, in0[k], in1[k], dest);
      expect_packed(dest, format, linear(x, w, {}, Activation::None, with({fidelity, false, fp32, true}, 3)));
    }
  }
}

// Three blocks: two in L1, the third on top of their sum, which passes through SrcA.
TEST_P(ExactLinear, BlocksAddUpInL1) {
  std::array<Tile, 2> part{};
  for (std::size_t k = 0; k < 2; ++k) {
    wormhole::matmul_tile(MathFidelity::HiFi2, DestFormat::Bf16, in0[k], in1[k], part[k]);
  }
  Tile dest;
  for (std::size_t i = 0; i < dest.size(); ++i) {
    const auto packed = [&](std::size_t k) {
      return static_cast<bf16>(wormhole::pack_word(DestFormat::Bf16, part[k][i], DataType::BFLOAT16) >> 16);
    };
    dest[i] = static_cast<std::uint32_t>(wormhole::l1_add_bfloat16(packed(0), packed(1))) << 16;
  }
  wormhole::matmul_tile(MathFidelity::HiFi2, DestFormat::Bf16, in0[2], in1[2], dest);
  expect_packed(dest, DestFormat::Bf16,
                linear(x, w, {}, Activation::None, with({MathFidelity::HiFi2, false, false, true}, 1)));
}

// Without accumulation in L1 every partial sum is reloaded: in an fp32 Dest with 10 fraction bits.
TEST_P(ExactLinear, BlocksAreReloadedWithoutL1Accumulation) {
  Tile dest{};
  for (std::size_t k = 0; k < 3; ++k) {
    if (k > 0) {
      for (auto& word : dest) word &= 0xFFFFE000u;
      dest = wormhole::copy_to_dest(DestFormat::Fp32, dest);
    }
    wormhole::matmul_tile(MathFidelity::HiFi2, DestFormat::Fp32, in0[k], in1[k], dest);
  }
  expect_packed(dest, DestFormat::Fp32,
                linear(x, w, {}, Activation::None, with({MathFidelity::HiFi2, false, true, false}, 1)));
}

TEST_P(ExactLinear, ARowAloneGivesTheSameBits) {
  std::vector<float> first = x.to_vector();
  first.resize(96);
  const Tensor one = to_device(make.device(), first, {Shape{1, 1, 1, 96}, DataType::BFLOAT16});
  const auto all = linear(x, w).to_vector(), alone = linear(one, w).to_vector();
  EXPECT_TRUE(same_bits(alone, {all.begin(), all.begin() + 32}));
}

INSTANTIATE_TEST_SUITE_P(Weights, ExactLinear,
                         testing::Values(DataType::BFLOAT16, DataType::BFLOAT8_B, DataType::BFLOAT4_B),
                         [](const auto& test) { return std::string(to_string(test.param)); });

TEST(Exact, LinearFollowsRefInEveryShape) {
  for (const std::int64_t m : {1, 33}) {
    for (const std::int64_t k : {31, 64, 100}) {
      for (const std::int64_t n : {17, 71}) {
        for (const DataType dtype : {DataType::FLOAT32, DataType::BFLOAT16, DataType::BFLOAT8_B}) {
          SCOPED_TRACE(testing::Message() << m << " x " << k << " x " << n << " " << to_string(dtype));
          const auto body = [&](Maker& make) {
            const Tensor x = make.normal({1, 1, m, k}), w = weight_of(make, {k, n}, dtype),
                         b = make.normal({n});
            return std::vector{linear(x, w), linear(x, w, b), linear(x, w, b, Activation::Silu),
                               linear(x, w, {}, Activation::Gelu)};
          };
          EXPECT_GT(pcc(body), 0.998);
          EXPECT_GT(pcc(body, DataType::FLOAT32), 0.999);
        }
      }
    }
  }
}

TEST(Exact, MatmulFollowsRef) {
  EXPECT_GT(pcc([](Maker& make) {
              const Tensor a = make.normal({2, 3, 40, 70}), b = make.normal({2, 3, 70, 50}),
                           c = make.normal({2, 3, 50, 70}), d = make.normal({2, 3, 70, 40});
              return std::vector{matmul(a, b), matmul(a, c, false, true), matmul(d, b, true, false)};
            }),
            0.999);
}

TEST(Exact, ElementWiseNormsAndRotationFollowRef) {
  const auto body = [](Maker& make) {
    const Tensor x = make.normal({1, 1, 3, 100}), y = make.normal({1, 1, 3, 100}), row = make.normal({100});
    const Tensor heads = make.normal({1, 4, 5, 64}), cos = make.normal({1, 1, 5, 64}),
                 sin = make.normal({1, 1, 5, 64});
    return std::vector{add(x, y),
                       subtract(x, y),
                       multiply(x, y),
                       multiply(x, y, Activation::Silu),
                       add(x, row),
                       silu(x),
                       gelu(x),
                       gelu(x, true),
                       multiply(x, y, Activation::GeluTanh),
                       multiply(x, 0.7f),
                       tanh(x),
                       sigmoid(x),
                       rms_norm(x, 1e-5f, row),
                       rms_norm(x, 1e-5f, row, row),
                       layer_norm(x, 1e-5f, row, row),
                       softmax(x),
                       experimental::rotary_embedding(heads, cos, sin),
                       experimental::rotary_embedding_llama(heads, cos, sin)};
  };
  EXPECT_GT(pcc(body), 0.9999);
  EXPECT_GT(pcc(body, DataType::FLOAT32), 0.9999);
}

TEST(Exact, AttentionFollowsRefInEveryForm) {
  const SdpaSizes sizes{2, 6, 2, 64, 150};
  const std::vector<std::int32_t> last{149, 40};
  for (const DataType cache : {DataType::BFLOAT16, DataType::BFLOAT8_B}) {
    EXPECT_GT(pcc([&](Maker& make) {
                const SdpaScene scene(make, sizes, cache);
                const auto pages = scene.pages(32, last);
                const Tensor q = make.normal({1, 2, 6, 64}), prompt = make.normal({1, 6, 70, 64}),
                             positions = make.ints(last, {2});
                const Tensor k = scene.sequence(false, 70), v = scene.sequence(true, 70);
                using namespace transformer;
                return std::vector{
                    scaled_dot_product_attention(prompt, k, v),
                    scaled_dot_product_attention_decode(q, scene.cache(false, last), scene.cache(true, last),
                                                        positions),
                    paged_scaled_dot_product_attention_decode(q, pages.k, pages.v, pages.table, positions)};
              }),
              0.998);
  }
}

TEST(Exact, AttentionWithAMaskAndSkippedUsers) {
  EXPECT_GT(pcc([](Maker& make) {
              const Tensor q = make.normal({1, 2, 40, 32}), k = make.normal({1, 2, 40, 32}),
                           v = make.normal({1, 2, 40, 32});
              std::vector<float> mask(40 * 40);
              for (std::size_t i = 0; i < mask.size(); ++i) {
                mask[i] = i % 40 % 3 == 0 ? -std::numeric_limits<float>::infinity() : 0.0f;
              }
              const Tensor m = make.from(mask, {1, 1, 40, 40});
              const Tensor users = make.normal({1, 2, 2, 32}), cache = make.normal({2, 2, 40, 32});
              return std::vector{transformer::scaled_dot_product_attention(q, k, v, m, false),
                                 transformer::scaled_dot_product_attention_decode(users, cache, cache,
                                                                                  make.ints({-1, 7}, {2}))};
            }),
            0.998);
}

TEST(Exact, AttentionInAWindowWithSoftCapAndAlibi) {
  const SdpaSizes sizes{2, 6, 2, 64, 300};
  const std::vector<std::int32_t> last{299, 40};
  const std::array<float, 6> slopes{0.5f, 0.25f, 0.125f, 0.0625f, 0.03125f, 0.015625f};
  for (const std::int64_t window : {0, 20, 130}) {
    for (const bool alibi : {false, true}) {
      EXPECT_GT(
          pcc([&](Maker& make) {
            const std::int64_t first = window == 0 ? 0 : 41 - std::min<std::int64_t>(window, 41);
            const SdpaScene scene(make, sizes, DataType::BFLOAT16);
            const auto pages = scene.pages(32, last, first);
            const Tensor q = make.normal({1, 2, 6, 64}), prompt = make.normal({1, 6, 150, 64}),
                         positions = make.ints(last, {2});
            const auto bias = alibi ? std::span<const float>(slopes) : std::span<const float>();
            const OpOptions options{.exp_approx_mode = false};
            using namespace transformer;
            return std::vector{
                scaled_dot_product_attention(prompt, scene.sequence(false, 150), scene.sequence(true, 150),
                                             {}, true, {}, options, bias, window, alibi ? 0.0f : 30.0f),
                paged_scaled_dot_product_attention_decode(q, pages.k, pages.v, pages.table, positions, {},
                                                          options, bias, window, alibi ? 0.0f : 30.0f)};
          }),
          0.999)
          << window << (alibi ? " ALiBi" : "");
    }
  }
}

// SDPAProgramConfig's switch, not math_approx_mode, reaches the exponential.
TEST(Exact, AttentionTakesTheApproximateExponentialWhereTold) {
  Maker make(Engine::Exact, DataType::BFLOAT16);
  const Tensor q = make.normal({1, 2, 40, 32}), k = make.normal({1, 2, 40, 32}),
               v = make.normal({1, 2, 40, 32});
  const auto run = [&](bool math_approx, std::optional<bool> exponent) {
    const OpOptions options{
        .compute_kernel_config = ComputeKernelConfig{MathFidelity::HiFi4, math_approx, true, false},
        .exp_approx_mode = exponent};
    return transformer::scaled_dot_product_attention(q, k, v, {}, true, {}, options).to_vector();
  };
  EXPECT_TRUE(same_bits(run(true, true), run(true, {})));
  EXPECT_FALSE(same_bits(run(false, true), run(false, false)));
}

// A row times its matrices is linear's.
TEST(Exact, SparseMatmulIsLinear) {
  Maker make(Engine::Exact, DataType::BFLOAT16);
  const Tensor x = make.normal({1, 3, 1, 64});
  std::vector<Tensor> experts;
  for (int e = 0; e < 4; ++e) experts.push_back(weight_of(make, {64, 40}, DataType::BFLOAT8_B));
  const std::vector<std::int32_t> picks{0, 2, 3, 0, 2, 1};
  const std::vector<float> got = sparse_matmul(x, make.ints(picks, {1, 1, 3, 2}), experts).to_vector();
  for (std::size_t p = 0; p < picks.size(); ++p) {
    const std::vector<float> all = linear(x, experts[static_cast<std::size_t>(picks[p])]).to_vector();
    for (std::size_t c = 0; c < 40; ++c) EXPECT_EQ(got[p * 40 + c], all[p / 2 * 40 + c]);
  }
}

TEST(Exact, FidelityIsFollowed) {
  Maker make(Engine::Exact, DataType::BFLOAT16);
  const Tensor x = make.normal({1, 1, 4, 64}), w = weight_of(make, {64, 64}, DataType::BFLOAT16);
  const auto at = [&](MathFidelity fidelity) {
    return linear(x, w, {}, Activation::None, with({fidelity, false, true, false})).to_vector();
  };
  EXPECT_FALSE(same_bits(at(MathFidelity::LoFi), at(MathFidelity::HiFi2)));
  EXPECT_FALSE(same_bits(at(MathFidelity::HiFi2), at(MathFidelity::HiFi3)));
}

TEST(Exact, RefusesWhatTheCardCannotDo) {
  Maker make(Engine::Exact, DataType::FLOAT32);
  const Tensor x = make.normal({1, 1, 4, 96}), w = weight_of(make, {96, 32}, DataType::FLOAT32);
  EXPECT_THROW(linear(x, w, {}, Activation::None, with({}, 2)), UserError);
  EXPECT_THROW(linear(x, w, {}, Activation::None, with({MathFidelity::HiFi4, false, false, false})),
               UserError);
}

}  // namespace
}  // namespace tessera::test
