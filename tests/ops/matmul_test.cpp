#include "ops/matmul/matmul.hpp"

#include "op_test_util.hpp"
#include "ops/dispatch.hpp"

namespace tessera::test {
namespace {

TEST(Matmul, FastMatchesRef) {
  for (const std::int64_t n : {1, 15, 64, 131}) {
    for (const std::int64_t m : {1, 5, 32}) {
      for (const DataType dtype : {DataType::FLOAT32, DataType::BFLOAT16}) {
        // Sums of 40 products that may cancel: the error is relative to the terms.
        const Tolerance t = dtype == DataType::FLOAT32 ? Tolerance{2e-5f, 2e-5f} : Tolerance{2e-5f, 0.0041f};
        expect_fast_matches_ref(
            dtype,
            [&](Maker& make) {
              const Tensor a = make.normal({2, m, 40}), at = make.normal({2, 40, m});
              const Tensor b = make.normal({2, 40, n}), bt = make.normal({2, n, 40});
              const Tensor one = make.normal({40, n});
              return std::vector{matmul(a, b), matmul(at, b, true), matmul(a, bt, false, true),
                                 matmul(at, bt, true, true), matmul(a, one)};
            },
            t);
      }
    }
  }
}

TEST(Matmul, KnownValues) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    Maker make(engine, DataType::FLOAT32);
    const Tensor a = make.from({1, 2, 3, 4, 5, 6}, {2, 3}), b = make.from({1, 0, 0, 1, 10, 100}, {3, 2});
    EXPECT_EQ(matmul(a, b).to_vector(), (std::vector<float>{31, 302, 64, 605}));
    EXPECT_EQ(matmul(a, a, true).to_vector(), (std::vector<float>{17, 22, 27, 22, 29, 36, 27, 36, 45}));
    EXPECT_EQ(matmul(a, a, false, true).to_vector(), (std::vector<float>{14, 32, 32, 77}));
  }
}

TEST(Matmul, RowsDoNotDependOnTheirNeighbours) {
  expect_rows_independent([](const Tensor& x) {
    Maker make(Engine::Fast, x.dtype(), 3);
    const std::vector<float> b = make.normal({77, 90}).to_vector();
    return matmul(x, to_device(x.device(), b, {{77, 90}, x.dtype(), Layout::TILE}));
  });
}

TEST(Matmul, CountsFlops) {
  struct Flops : OpObserver {
    double flops = 0;
    void after(const OpEvent& event) override { flops += event.op.flops(event.inputs, {}); }
  } observer;
  Maker make(Engine::Meta, DataType::BFLOAT16);
  const ObserverScope scope(observer);
  matmul(make.normal({4, 5, 6}), make.normal({4, 6, 7}));
  EXPECT_EQ(observer.flops, 2.0 * 4 * 5 * 6 * 7);
}

TEST(Matmul, Refusals) {
  for (const Engine engine : {Engine::Ref, Engine::Fast, Engine::Meta}) {
    Maker make(engine, DataType::BFLOAT16);
    const Tensor a = make.normal({2, 3, 4}), b = make.normal({3, 4, 5}), c = make.normal({2, 5, 4});
    expect_refused("matmul", "leading dimensions differ", [&] { matmul(a, b); });
    expect_refused("matmul", "inner dimensions differ", [&] { matmul(a, c); });
    EXPECT_EQ(matmul(a, c, false, true).logical_shape(), (Shape{2, 3, 5}));
    expect_refused("matmul", "two dimensions", [&] { matmul(a, make.normal({4})); });
  }
}

}  // namespace
}  // namespace tessera::test
