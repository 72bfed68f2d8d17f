#include "ops/sparse_matmul/sparse_matmul.hpp"

#include <cmath>
#include <limits>

#include "fixed_point.hpp"
#include "op_test_util.hpp"
#include "ops/linear/linear.hpp"
#include "ops/trace_check.hpp"

namespace tessera::test {
namespace {

// Every way the fast engine keeps a weight.
struct WeightForm {
  DataType dtype;
  bool strips;
};
constexpr WeightForm kForms[] = {{DataType::FLOAT32, false},
                                 {DataType::FLOAT32, true},
                                 {DataType::BFLOAT16, true},
                                 {DataType::BFLOAT8_B, true},
                                 {DataType::BFLOAT4_B, true}};

constexpr std::int64_t kExperts = 5;

std::vector<float> values(Rng& rng, std::int64_t n) {
  std::vector<float> v(static_cast<std::size_t>(n));
  for (float& value : v) value = rng.normal();
  return v;
}

std::vector<Tensor> experts(Maker& make, std::int64_t k, std::int64_t n, const WeightForm& form) {
  std::vector<Tensor> result;
  result.reserve(static_cast<std::size_t>(kExperts));
  for (std::int64_t e = 0; e < kExperts; ++e) {
    result.push_back(to_device(make.device(), values(make.rng(), k * n), {{k, n}, form.dtype, Layout::TILE},
                               form.strips ? DRAM_WIDTH_SHARDED : DRAM_MEMORY_CONFIG));
  }
  return result;
}

// Experts of each row: different ones, so that some are busy and, with few rows, some idle.
std::vector<std::int32_t> picks_of(Rng& rng, std::int64_t rows, std::int64_t k) {
  std::vector<std::int32_t> picks;
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto first = static_cast<std::int32_t>(rng.below(kExperts));
    for (std::int64_t j = 0; j < k; ++j)
      picks.push_back((first + 2 * static_cast<std::int32_t>(j)) % static_cast<std::int32_t>(kExperts));
  }
  return picks;
}

// Block-float weights round activations first (linear_test.cpp): here they come rounded.
Tensor input(Maker& make, const Shape& shape, const WeightForm& form) {
  Tensor x = make.normal(shape);
  if (!is_block_float(form.dtype)) return x;
  return make.from(fixed_point(x.to_vector(), static_cast<std::size_t>(shape[-1])), shape);
}

TEST(SparseMatmul, EveryFormMatchesRef) {
  for (const WeightForm& form : kForms) {
    SCOPED_TRACE(to_string(form.dtype));
    for (const std::int64_t rows : {1, 3, 40}) {
      for (const std::int64_t k : {1, 2, 5}) {
        for (const bool shared : {true, false}) {
          SCOPED_TRACE(testing::Message() << rows << " rows, " << k << " picks, shared " << shared);
          const DataType dtype = rows == 3 ? DataType::BFLOAT16 : DataType::FLOAT32;
          expect_fast_matches_ref(
              dtype,
              [&](Maker& make) {
                const auto weights = experts(make, 70, 45, form);
                const Tensor picks = make.ints(picks_of(make.rng(), rows, k), {1, 1, rows, k});
                const Tensor x = input(make, {1, rows, shared ? 1 : k, 70}, form);
                return std::vector{sparse_matmul(x, picks, weights),
                                   sparse_matmul(x, picks, weights, {.dtype = DataType::FLOAT32})};
              },
              {4e-5f, dtype == DataType::FLOAT32 ? 2e-6f : 0.0041f});
        }
      }
    }
  }
}

TEST(SparseMatmul, EachPairIsLinearOfItsExpert) {
  for (const WeightForm& form : kForms) {
    for_each_isa([&] {
      Maker make(Engine::Fast, DataType::FLOAT32);
      const auto weights = experts(make, 64, 40, form);
      const std::vector<std::int32_t> ids = picks_of(make.rng(), 12, 3);
      const Tensor x = make.normal({1, 12, 1, 64});
      const std::vector<float> all = sparse_matmul(x, make.ints(ids, {1, 1, 12, 3}), weights).to_vector();
      for (std::size_t p = 0; p < ids.size(); ++p) {
        const Tensor row = one_row(x, static_cast<std::int64_t>(p / 3));
        const auto expected = linear(row, weights[static_cast<std::size_t>(ids[p])]).to_vector();
        const auto at = all.begin() + static_cast<std::ptrdiff_t>(p * 40);
        EXPECT_TRUE(same_bits({at, at + 40}, expected)) << to_string(form.dtype) << " pair " << p;
      }
    });
  }
}

TEST(SparseMatmul, ReadsNoExpertThatNoRowPicked) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    Maker make(engine, DataType::FLOAT32);
    auto weights = experts(make, 32, 32, {DataType::FLOAT32, true});
    weights[2] = to_device(make.device(), std::vector<float>(1024, std::numeric_limits<float>::quiet_NaN()),
                           weights[2].spec(), DRAM_WIDTH_SHARDED);
    const Tensor x = make.normal({1, 4, 1, 32});
    const auto run = [&](std::int32_t last) {
      return sparse_matmul(x, make.ints({0, 1, 3, 4, 1, 0, 4, last}, {1, 1, 4, 2}), weights).to_vector();
    };
    for (const float value : run(3)) EXPECT_TRUE(std::isfinite(value));
    EXPECT_TRUE(std::isnan(run(2).back()));
  }
}

TEST(SparseMatmul, ATraceFollowsTheRowsChoice) {
  for (const bool block_float : {false, true}) {
    Maker make(Engine::Fast, DataType::FLOAT32);
    const auto weights =
        experts(make, 64, 64, {block_float ? DataType::BFLOAT8_B : DataType::BFLOAT16, true});
    const Tensor x = make.normal({1, 4, 1, 64});
    Tensor picks = make.ints(std::vector<std::int32_t>(8, 0), {1, 1, 4, 2});
    const TraceCheck check = check_trace(
        make.device(),
        [&](int round) {
          Rng rng(static_cast<std::uint64_t>(round));
          copy_to_device(picks_of(rng, 4, 2), picks);
        },
        [&] { sparse_matmul(x, picks, weights); }, 4);
    EXPECT_EQ(check.difference, "");
    EXPECT_EQ(check.commands, 1);
  }
}

TEST(SparseMatmul, Refusals) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    Maker make(engine, DataType::FLOAT32);
    const auto weights = experts(make, 32, 16, {DataType::FLOAT32, true});
    const Tensor x = make.normal({1, 4, 1, 32});
    const Tensor picks = make.ints({0, 1, 3, 4, 1, 0, 4, 2}, {1, 1, 4, 2});
    const auto refused = [&](const char* text, const Tensor& in, const Tensor& ids,
                             const std::vector<Tensor>& matrices) {
      expect_refused("sparse_matmul", text, [&] { sparse_matmul(in, ids, matrices).to_vector(); });
    };
    refused("no matrices", x, picks, {});
    refused("[1, rows, 1 or k, K]", make.normal({1, 1, 4, 32}), picks, weights);
    refused("[1, rows, 1 or k, K]", make.normal({1, 4, 3, 32}), picks, weights);
    refused("picks", x, make.normal({1, 1, 4, 2}), weights);
    refused("the matrices' first", make.normal({1, 4, 1, 16}), picks, weights);
    auto mixed = weights;
    mixed[3] = to_device(make.device(), std::vector<float>(32 * 8),
                         {{32, 8}, DataType::FLOAT32, Layout::TILE}, DRAM_WIDTH_SHARDED);
    refused("all of one shape", x, picks, mixed);
    refused("pick 5 of row 3", x, make.ints({0, 1, 3, 4, 1, 0, 4, 5}, {1, 1, 4, 2}), weights);
    refused("pick -1 of row 0", x, make.ints({-1, 1, 3, 4, 1, 0, 4, 3}, {1, 1, 4, 2}), weights);
  }
}

}  // namespace
}  // namespace tessera::test
