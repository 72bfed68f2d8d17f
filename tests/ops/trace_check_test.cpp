// The checker finds what a capture froze, and names the op.
#include "ops/trace_check.hpp"

#include <array>

#include "op_test_util.hpp"
#include "ops/dispatch.hpp"
#include "ops/eltwise/eltwise.hpp"
#include "ops/plus_one/plus_one.hpp"
#include "ops/rms_norm/rms_norm.hpp"
#include "ops/slice/slice.hpp"

namespace tessera {
namespace {

using test::expect_refused;
using test::Maker;

class Checks : public ::testing::Test {
 protected:
  // Writes a round's values.
  void write(int round) {
    const std::vector<float> values(64, 0.5f + static_cast<float>(round));
    copy_to_device(std::span<const float>(values), x_);
    copy_to_device(std::vector<std::int32_t>{round}, position_);
  }
  TraceCheck check(const std::function<void()>& step) {
    return check_trace(make_.device(), [&](int round) { write(round); }, step, 3);
  }
  Tensor part(std::int64_t first) {
    return slice(x_, std::array<std::int64_t, 4>{0, 0, first, 0},
                 std::array<std::int64_t, 4>{1, 1, first + 1, 32});
  }

  Maker make_{Engine::Fast, DataType::FLOAT32};
  Tensor x_ = make_.normal({1, 1, 2, 32});
  Tensor position_ = make_.ints({0}, {1});
};

TEST_F(Checks, AStepOfTensorsAloneIsEqual) {
  const std::int64_t before = make_.device().allocated_bytes();
  const TraceCheck check = this->check([&] {
    add(silu(rms_norm(x_, 1e-5f)), x_);
    plus_one(position_);
  });
  EXPECT_EQ(check.commands, 4);
  EXPECT_EQ(check.difference, "");
  EXPECT_EQ(make_.device().allocated_bytes(), before);
}

TEST_F(Checks, AValueOfTheHostThatWasFrozenIsFound) {
  std::int64_t row = 0;
  const TraceCheck found = check_trace(
      make_.device(),
      [&](int round) {
        write(0);
        row = round;
        std::vector<float> values(64);
        for (std::size_t i = 0; i < 64; ++i) values[i] = static_cast<float>(i);
        copy_to_device(std::span<const float>(values), x_);
      },
      [&] {
        silu(x_);
        const ModuleScope module("layers.2.rotary_emb");
        part(row);
      });
  EXPECT_EQ(
      found.difference,
      "round 1: command 1, slice (in layers.2.rotary_emb): a replay computes something else than eager");
}

TEST_F(Checks, AnotherPathThroughTheStepIsFound) {
  int calls = 0;
  EXPECT_EQ(check([&] {
              if (calls++ == 0) silu(x_);
              gelu(x_);
            }).difference,
            "round 0: command 0 of the trace is silu, eager runs gelu");
  calls = 0;
  EXPECT_EQ(check([&] {
              gelu(x_);
              if (calls++ == 0) silu(x_);
            }).difference,
            "round 0: the trace has 2 commands, eager runs 1: the step depends on the host");
}

TEST_F(Checks, WhatCannotBeCapturedIsRefusedAndTheDeviceLivesOn) {
  expect_refused("to_vector", "inside a trace capture", [&] { check([&] { silu(x_).to_vector(); }); });
  EXPECT_EQ(check([&] { silu(x_); }).difference, "");
}

}  // namespace
}  // namespace tessera
