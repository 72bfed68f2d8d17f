#pragma once
// What op tests share: the same inputs on both engines, every instruction set, and comparisons.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "device/tensor.hpp"
#include "ops/isa.hpp"
#include "util/error.hpp"
#include "util/rng.hpp"

namespace tessera::test {

inline std::shared_ptr<Device> open(Engine engine) {
  return Device::open("cpu", engine);
}

/// Makes inputs from one stream of random numbers: two makers with a seed make the same values.
class Maker {
 public:
  Maker(Engine engine, DataType dtype, std::uint64_t seed = 7)
      : device_(open(engine)), dtype_(dtype), rng_(seed) {}

  Device& device() { return *device_; }
  DataType dtype() const { return dtype_; }
  Rng& rng() { return rng_; }

  Tensor from(const std::vector<float>& values, const Shape& shape) {
    return to_device(*device_, values, {shape, dtype_, Layout::TILE});
  }
  Tensor ints(const std::vector<std::int32_t>& values, const Shape& shape) {
    return to_device(*device_, std::span(values), {shape, DataType::INT32, Layout::ROW_MAJOR});
  }
  Tensor normal(const Shape& shape) {
    return filled(shape, [&] { return rng_.normal(); });
  }
  Tensor heavy_tailed(const Shape& shape) {
    return filled(shape, [&] { return rng_.heavy_tailed(); });
  }
  /// Normal values with zeros, denormals, and very small and very large ones in between.
  Tensor extreme(const Shape& shape) {
    const float specials[] = {0.0f, -0.0f, 1e-42f, -1e-45f, 1.2e-38f, 1e30f, -1e30f, 3e38f, -1e-30f};
    return filled(shape, [&] {
      return rng_.below(3) == 0 ? specials[rng_.below(std::size(specials))] : rng_.normal();
    });
  }

 private:
  Tensor filled(const Shape& shape, const std::function<float()>& next) {
    std::vector<float> values(static_cast<std::size_t>(shape.volume()));
    for (float& value : values) value = next();
    return from(values, shape);
  }

  std::shared_ptr<Device> device_;
  DataType dtype_;
  Rng rng_;
};

/// Forces each instruction set in turn, then the best again.
inline void for_each_isa(const std::function<void()>& body) {
  for (const auto isa : available_isas()) {
    SCOPED_TRACE(isa);
    force_isa(isa);
    body();
  }
  force_isa(available_isas().back());
}

/// |actual - expected| <= abs + rel * |expected|; NaN equals NaN, infinities their like.
struct Tolerance {
  float abs = 0, rel = 0;
};

/// One rounding to the dtype, and the order of float32 sums.
inline Tolerance tolerance_of(DataType dtype) {
  return dtype == DataType::FLOAT32 ? Tolerance{2e-6f, 2e-5f} : Tolerance{1e-6f, 0.0041f};
}

inline void expect_close(const std::vector<float>& expected, const std::vector<float>& actual, Tolerance t) {
  ASSERT_EQ(expected.size(), actual.size());
  int wrong = 0;
  for (std::size_t i = 0; i < expected.size() && wrong < 5; ++i) {
    const float e = expected[i], a = actual[i];
    const bool same = std::isnan(e) ? std::isnan(a) : e == a;
    if (same || std::abs(a - e) <= t.abs + t.rel * std::abs(e)) continue;
    ++wrong;
    ADD_FAILURE() << "value " << i << ": " << a << ", expected " << e;
  }
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * 4) == 0);
}

using Body = std::function<std::vector<Tensor>(Maker&)>;

/// Runs `body` on ref and, for every instruction set, on fast; the outputs must agree.
inline void expect_fast_matches_ref(DataType dtype, const Body& body, Tolerance t) {
  SCOPED_TRACE(to_string(dtype));
  Maker ref_maker(Engine::Ref, dtype);
  const std::vector<Tensor> expected = body(ref_maker);
  for_each_isa([&] {
    Maker fast_maker(Engine::Fast, dtype);
    const std::vector<Tensor> actual = body(fast_maker);
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
      SCOPED_TRACE("output " + std::to_string(i));
      EXPECT_EQ(actual[i].spec(), expected[i].spec());
      expect_close(expected[i].to_vector(), actual[i].to_vector(), t);
    }
  });
}

inline void expect_fast_matches_ref(const Body& body) {
  for (const DataType dtype : {DataType::FLOAT32, DataType::BFLOAT16}) {
    expect_fast_matches_ref(dtype, body, tolerance_of(dtype));
  }
}

/// Row r of x [1, 1, rows, dim] as a tensor of its own.
inline Tensor one_row(const Tensor& x, std::int64_t r) {
  const std::int64_t dim = x.logical_shape()[-1];
  const std::vector<float> all = x.to_vector();
  const std::vector<float> row(all.begin() + r * dim, all.begin() + (r + 1) * dim);
  TensorSpec spec = x.spec();
  spec.logical_shape = {1, 1, 1, dim};
  return to_device(x.device(), row, spec);
}

/// The same bits for a row alone and among others, on every instruction set.
inline void expect_rows_independent(const std::function<Tensor(const Tensor&)>& op) {
  for (const DataType dtype : {DataType::FLOAT32, DataType::BFLOAT16}) {
    SCOPED_TRACE(to_string(dtype));
    for_each_isa([&] {
      Maker make(Engine::Fast, dtype);
      const Tensor x = make.normal({1, 1, 33, 77});
      const Tensor whole = op(x);
      const std::int64_t width = whole.logical_shape().volume() / 33;
      const std::vector<float> all = whole.to_vector();
      for (const std::int64_t r : {0, 1, 17, 32}) {
        const std::vector<float> expected(all.begin() + r * width, all.begin() + (r + 1) * width);
        EXPECT_TRUE(same_bits(op(one_row(x, r)).to_vector(), expected)) << "row " << r;
      }
    });
  }
}

/// The call is refused with a UserError that begins with "[op]" and holds `text`.
inline void expect_refused(std::string_view op, std::string_view text, const std::function<void()>& call) {
  try {
    call();
    ADD_FAILURE() << "[" << op << "] was not refused: " << text;
  } catch (const UserError& error) {
    const std::string what = error.what();
    EXPECT_TRUE(what.starts_with("[" + std::string(op) + "] ")) << what;
    EXPECT_NE(what.find(text), std::string::npos) << what;
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
  }
}

}  // namespace tessera::test
