#include <cmath>

#include "op_test_util.hpp"
#include "ops/rotary_embedding/rotary_embedding.hpp"

namespace tessera::test {
namespace {

using experimental::rotary_embedding;
using experimental::rotary_embedding_llama;

TEST(Rotary, FastMatchesRef) {
  for (const std::int64_t dim : {2, 6, 30, 64, 80}) {
    for (const DataType dtype : {DataType::FLOAT32, DataType::BFLOAT16}) {
      // A difference of two products: its rounding is relative to them.
      const Tolerance t = dtype == DataType::FLOAT32 ? Tolerance{2e-6f, 2e-5f} : Tolerance{1e-5f, 0.0041f};
      expect_fast_matches_ref(
          dtype,
          [&](Maker& make) {
            const Tensor x = make.normal({1, 3, 7, dim});
            const Tensor cos = make.normal({1, 1, 7, dim}), sin = make.normal({1, 1, 7, dim});
            const Tensor user_cos = make.normal({1, 3, 1, dim}), user_sin = make.normal({1, 3, 1, dim});
            return std::vector{rotary_embedding(x, cos, sin), rotary_embedding_llama(x, cos, sin),
                               rotary_embedding(x, user_cos, user_sin, true),
                               rotary_embedding_llama(x, user_cos, user_sin, true)};
          },
          t);
    }
  }
}

struct Tables {
  Tensor cos, sin;
};

// Angle position * 10000^(-2i/dim) for frequency i, at both channels that it rotates.
Tables tables(Maker& make, const std::vector<std::int64_t>& positions, std::int64_t dim, bool pairs,
              const Shape& shape) {
  std::vector<float> cos, sin;
  for (const std::int64_t position : positions) {
    for (std::int64_t c = 0; c < dim; ++c) {
      const std::int64_t i = pairs ? c / 2 : c % (dim / 2);
      const double angle = static_cast<double>(position) *
                           std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(dim));
      cos.push_back(static_cast<float>(std::cos(angle)));
      sin.push_back(static_cast<float>(std::sin(angle)));
    }
  }
  return {make.from(cos, shape), make.from(sin, shape)};
}

TEST(Rotary, KnownRotation) {
  for (const Engine engine : {Engine::Ref, Engine::Fast}) {
    Maker make(engine, DataType::FLOAT32);
    // Channel pair of frequency 0 at position 1: a turn by one radian.
    const float c = std::cos(1.0f), s = std::sin(1.0f);
    const Tables halves = tables(make, {1}, 4, false, {1, 1, 1, 4});
    const Tensor x = make.from({1, 0, 0, 0}, {1, 1, 1, 4});
    expect_close({c, 0, s, 0}, rotary_embedding(x, halves.cos, halves.sin).to_vector(), {1e-7f, 1e-6f});
    const Tables pairs = tables(make, {1}, 4, true, {1, 1, 1, 4});
    expect_close({c, s, 0, 0}, rotary_embedding_llama(x, pairs.cos, pairs.sin).to_vector(), {1e-7f, 1e-6f});
    const Tensor y = make.from({0, 1, 0, 0}, {1, 1, 1, 4});
    expect_close({-s, c, 0, 0}, rotary_embedding_llama(y, pairs.cos, pairs.sin).to_vector(), {1e-7f, 1e-6f});
  }
}

// The two layouts are one rotation under a permutation of channels, and decode rows are prefill rows.
TEST(Rotary, FormsAndModesAgree) {
  constexpr std::int64_t kDim = 48;
  for_each_isa([] {
    Maker make(Engine::Fast, DataType::FLOAT32);
    const std::vector<std::int64_t> positions{5, 0, 123, 4000, 77};
    const Tensor x = make.normal({1, 2, 5, kDim});
    std::vector<float> mixed = x.to_vector();
    for (std::size_t r = 0; r < 10; ++r) {
      for (std::size_t i = 0; i < kDim / 2; ++i) {
        mixed[r * kDim + 2 * i] = x.to_vector()[r * kDim + i];
        mixed[r * kDim + 2 * i + 1] = x.to_vector()[r * kDim + i + kDim / 2];
      }
    }
    const Tables halves = tables(make, positions, kDim, false, {1, 1, 5, kDim});
    const Tables pairs = tables(make, positions, kDim, true, {1, 1, 5, kDim});
    const std::vector<float> a = rotary_embedding(x, halves.cos, halves.sin).to_vector();
    const std::vector<float> b =
        rotary_embedding_llama(make.from(mixed, {1, 2, 5, kDim}), pairs.cos, pairs.sin).to_vector();
    for (std::size_t r = 0; r < 10; ++r) {
      for (std::size_t i = 0; i < kDim / 2; ++i) {
        EXPECT_EQ(a[r * kDim + i], b[r * kDim + 2 * i]);
        EXPECT_EQ(a[r * kDim + i + kDim / 2], b[r * kDim + 2 * i + 1]);
      }
    }
    // Decode: user u has position u and two heads.
    std::vector<float> by_user(10 * kDim);
    for (std::size_t u = 0; u < 5; ++u) {
      for (std::size_t h = 0; h < 2; ++h) {
        std::copy_n(x.to_vector().begin() + static_cast<std::ptrdiff_t>((h * 5 + u) * kDim), kDim,
                    by_user.begin() + static_cast<std::ptrdiff_t>((u * 2 + h) * kDim));
      }
    }
    const Tables users = tables(make, positions, kDim, false, {1, 5, 1, kDim});
    const std::vector<float> d =
        rotary_embedding(make.from(by_user, {1, 5, 2, kDim}), users.cos, users.sin, true).to_vector();
    for (std::size_t u = 0; u < 5; ++u) {
      for (std::size_t h = 0; h < 2; ++h) {
        for (std::size_t i = 0; i < kDim; ++i) {
          EXPECT_EQ(d[(u * 2 + h) * kDim + i], a[(h * 5 + u) * kDim + i]);
        }
      }
    }
  });
}

TEST(Rotary, Refusals) {
  for (const Engine engine : {Engine::Ref, Engine::Fast, Engine::Meta}) {
    Maker make(engine, DataType::BFLOAT16);
    const Tensor x = make.normal({1, 2, 5, 8});
    const Tensor table = make.normal({1, 1, 5, 8}), users = make.normal({1, 2, 1, 8});
    expect_refused("rotary_embedding", "[1, 1, 5, 8] expected", [&] { rotary_embedding(x, users, table); });
    expect_refused("rotary_embedding_llama", "[1, 2, 1, 8] expected",
                   [&] { rotary_embedding_llama(x, users, table, true); });
    expect_refused("rotary_embedding", "4 dimensions",
                   [&] { rotary_embedding(make.normal({8}), table, table); });
    const Tensor odd = make.normal({1, 1, 5, 7});
    expect_refused("rotary_embedding", "even head_dim", [&] { rotary_embedding(odd, odd, odd); });
  }
}

}  // namespace
}  // namespace tessera::test
