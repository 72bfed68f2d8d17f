// A fusion gives the bits of its ops, in every form and on every instruction set, and stands back where
// somebody watches.
#include "ops/fused/fused.hpp"

#include "op_test_util.hpp"
#include "ops/dispatch.hpp"
#include "ops/eltwise/eltwise.hpp"
#include "ops/rms_norm/rms_norm.hpp"

namespace tessera::test {
namespace {

constexpr DataType kActivations[] = {DataType::FLOAT32, DataType::BFLOAT16};

void expect_same_bits(const Tensor& fused, const Tensor& separate) {
  ASSERT_EQ(to_string(fused.spec()), to_string(separate.spec()));
  const auto a = fused.bytes(), b = separate.bytes();
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size()), 0);
}

Tensor weight(Maker& make, std::int64_t k, std::int64_t n, DataType dtype) {
  std::vector<float> values(static_cast<std::size_t>(k * n));
  for (float& value : values) value = make.rng().normal();
  return to_device(make.device(), values, {{k, n}, dtype, Layout::TILE}, DRAM_WIDTH_SHARDED);
}

struct Weights {
  DataType gate, up;
};
constexpr Weights kWeights[] = {{DataType::FLOAT32, DataType::BFLOAT16},
                                {DataType::BFLOAT16, DataType::BFLOAT16},
                                {DataType::BFLOAT8_B, DataType::BFLOAT8_B},
                                {DataType::BFLOAT4_B, DataType::BFLOAT8_B}};

TEST(Fused, GatedLinearIsTwoLinearsAndAProduct) {
  constexpr std::int64_t kK = 327, kN = 71;
  for (const DataType dtype : kActivations) {
    for (const Weights& dtypes : kWeights) {
      SCOPED_TRACE(
          fmt::format("{}, {} and {}", to_string(dtype), to_string(dtypes.gate), to_string(dtypes.up)));
      Maker make(Engine::Fast, dtype);
      const Tensor gate = weight(make, kK, kN, dtypes.gate), up = weight(make, kK, kN, dtypes.up);
      for (const std::int64_t rows : {1, 4, 5, 33}) {
        for (const Tensor& x : {make.normal({1, 1, rows, kK}), make.extreme({1, 1, rows, kK})}) {
          for (const auto activation : {Activation::Silu, Activation::Gelu, Activation::GeluTanh}) {
            for_each_isa([&] {
              expect_same_bits(gated_linear(x, gate, up, activation),
                               multiply(linear(x, gate), linear(x, up), activation));
            });
          }
        }
      }
    }
  }
}

TEST(Fused, AddRmsNormIsASumAndItsNorm) {
  for (const DataType dtype : kActivations) {
    for (const DataType scale : kActivations) {
      for (const std::int64_t dim : {1, 31, 96, 577}) {
        Maker make(Engine::Fast, dtype);
        Maker other(Engine::Fast, scale, 11);
        const Tensor gain = to_device(make.device(), other.normal({dim}).to_vector(), {{dim}, scale});
        for (const std::int64_t rows : {1, 32, 45}) {
          const Shape shape{1, 1, rows, dim};
          const Tensor a = make.normal(shape), b = make.extreme(shape);
          for_each_isa([&] {
            const auto [sum, normed] = add_rms_norm(a, b, 1e-5f, gain);
            expect_same_bits(sum, add(a, b));
            expect_same_bits(normed, rms_norm(sum, 1e-5f, gain));
          });
        }
      }
    }
  }
}

TEST(Fused, StandsBackForObserversCardsAndOtherEngines) {
  const auto fuses = [](const char* sheet, Engine engine) {
    const auto device = Device::open(sheet, engine);
    return may_fuse(to_device(*device, std::vector<float>{1.0f}, {{1, 1}, DataType::FLOAT32, Layout::TILE}));
  };
  EXPECT_TRUE(fuses("cpu", Engine::Fast));
  EXPECT_FALSE(fuses("cpu", Engine::Ref));
  EXPECT_FALSE(fuses("cpu", Engine::Exact));
  EXPECT_FALSE(fuses("n150", Engine::Fast));
  {
    const SeparateScope separate;
    EXPECT_FALSE(fuses("cpu", Engine::Fast));
  }
  OpObserver observer;
  const ObserverScope scope(observer);
  EXPECT_FALSE(fuses("cpu", Engine::Fast));
}

TEST(Fused, RefusesWhatDoesNotFit) {
  Maker make(Engine::Fast, DataType::FLOAT32);
  const Tensor x = make.normal({1, 1, 2, 64}), gate = weight(make, 64, 32, DataType::BFLOAT8_B);
  expect_refused("gated_linear", "one shape",
                 [&] { gated_linear(x, gate, weight(make, 64, 64, DataType::BFLOAT8_B), Activation::Silu); });
  expect_refused("gated_linear", "both block-float",
                 [&] { gated_linear(x, gate, weight(make, 64, 32, DataType::BFLOAT16), Activation::Silu); });
  expect_refused("add_rms_norm", "one shape",
                 [&] { add_rms_norm(x, make.normal({1, 1, 1, 64}), 1e-5f, make.normal({64})); });
}

TEST(Fused, IsOfTheFastEngineAlone) {
  Maker make(Engine::Ref, DataType::FLOAT32);
  const Tensor x = make.normal({1, 1, 1, 32});
  EXPECT_THROW(add_rms_norm(x, x, 1e-5f, make.normal({32})), SystemError);
}

}  // namespace
}  // namespace tessera::test
