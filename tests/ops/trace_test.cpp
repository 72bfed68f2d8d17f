// Captures: replay equals eager, memory is the trace's own, and what cannot be repeated is refused by name.
#include "device/trace.hpp"

#include "op_test_util.hpp"
#include "ops/dispatch.hpp"
#include "ops/eltwise/eltwise.hpp"
#include "ops/embedding/embedding.hpp"
#include "ops/plus_one/plus_one.hpp"
#include "ops/rms_norm/rms_norm.hpp"
#include "ops/sampling/sampling.hpp"

namespace tessera {
namespace {

using test::expect_refused;
using test::Maker;

Tensor chain(const Tensor& x) {
  Tensor y = x;
  for (int i = 0; i < 10; ++i) y = add(silu(rms_norm(y, 1e-5f)), x);
  return y;
}

class Traces : public ::testing::TestWithParam<bool> {
 protected:
  Traces() { device_->set_async(GetParam()); }
  Maker make_{Engine::Fast, DataType::FLOAT32};
  std::shared_ptr<Device> device_ = make_.device().shared_from_this();
};

TEST_P(Traces, ReplayIsEagerToTheBit) {
  Tensor x = make_.normal({1, 1, 7, 100});
  const std::vector<float> expected = chain(x).to_vector();
  const TraceId id = begin_trace_capture(*device_);
  const Tensor y = chain(x);
  end_trace_capture(*device_, id);
  execute_trace(*device_, id);
  EXPECT_TRUE(test::same_bits(y.to_vector(), expected));

  std::vector<float> other = x.to_vector();
  for (float& value : other) value *= -1.5f;
  copy_to_device(std::span<const float>(other), x);
  execute_trace(*device_, id);
  EXPECT_TRUE(test::same_bits(y.to_vector(), chain(x).to_vector()));
  release_trace(*device_, id);
}

TEST_P(Traces, NothingRunsDuringACapture) {
  Tensor position = make_.ints({5, -1}, {2});
  const TraceId id = begin_trace_capture(*device_);
  plus_one(position);
  end_trace_capture(*device_, id);
  EXPECT_EQ(position.to_int_vector(), (std::vector<std::int32_t>{5, -1}));
  for (int i = 0; i < 3; ++i) execute_trace(*device_, id, 0, false);
  EXPECT_EQ(position.to_int_vector(), (std::vector<std::int32_t>{8, -1}));
  release_trace(*device_, id);
}

TEST_P(Traces, IntermediateTensorsShareMemoryAndTheAccountIsExact) {
  const Tensor x = make_.normal({1, 1, 32, 64});
  const std::int64_t tensor = x.spec().packed_bytes(), before = device_->allocated_bytes();
  const TraceId id = begin_trace_capture(*device_);
  Tensor y = chain(x);
  end_trace_capture(*device_, id);
  const TraceInfo info = trace_info(*device_, id);
  EXPECT_EQ(info.commands, 30);
  // 30 tensors were made; four of them live at a time: y, and the results of rms_norm, silu and add.
  EXPECT_EQ(info.arena_bytes, 4 * tensor);
  EXPECT_EQ(device_->allocated_bytes() - before, info.arena_bytes + info.region_bytes);
  execute_trace(*device_, id);
  y = Tensor();
  release_trace(*device_, id);
  EXPECT_EQ(device_->allocated_bytes(), before);
}

TEST_P(Traces, WhatAReplayWouldNotRepeatIsRefusedByName) {
  Tensor x = make_.normal({1, 1, 2, 8});
  Tensor ints = make_.ints({1, 2}, {2});
  const Tensor ids = make_.ints(std::vector<std::int32_t>(16), {1, 1, 2, 8});
  const std::vector<float> values(16);
  const TraceId id = begin_trace_capture(*device_);
  expect_refused("to_vector", "inside a trace capture", [&] { x.to_vector(); });
  expect_refused("to_int_vector", "inside a trace capture", [&] { ints.to_int_vector(); });
  expect_refused("to_device", "inside a trace capture",
                 [&] { to_device(*device_, std::span(values), x.spec()); });
  expect_refused("copy_to_device", "inside a trace capture", [&] { copy_to_device(std::span(values), x); });
  expect_refused("zeros", "inside a trace capture", [&] { zeros(*device_, x.spec()); });
  expect_refused("allocate_tensor_on_device", "inside a trace capture",
                 [&] { allocate_tensor_on_device(*device_, x.spec()); });
  const std::vector<SamplingParams> drawn(2, {.temperature = 1.0f});
  const std::vector<std::int64_t> steps(2, 0);
  expect_refused("sampling", "inside a trace capture", [&] { sampling(x, ids, drawn, steps); });
  expect_refused("execute_trace", "inside a trace capture", [&] { execute_trace(*device_, id); });
  expect_refused("record_event", "inside a trace capture", [&] { record_event(*device_, 0); });
  expect_refused("begin_trace_capture", "is being captured", [&] { begin_trace_capture(*device_); });
  abandon_trace_capture(*device_);
  EXPECT_EQ(x.to_vector().size(), 16u);
  expect_refused("execute_trace", "not captured", [&] { execute_trace(*device_, id); });
}

TEST_P(Traces, ATraceIsOfOneQueue) {
  const auto device = Device::open("cpu", Engine::Fast, {.num_command_queues = 2, .async = GetParam()});
  const Tensor x = zeros(*device, {{1, 1, 2, 8}, DataType::FLOAT32, Layout::TILE});
  begin_trace_capture(*device, 0);
  {
    const ModuleScope module("layers.1");
    const QueueScope other(1);
    expect_refused("silu", "on queue 1 while a trace is captured on queue 0", [&] { silu(x); });
  }
  abandon_trace_capture(*device);
}

TEST_P(Traces, ABankThatIsFullEndsTheCaptureAndNotTheDevice) {
  const auto device = Device::open("n150", Engine::Fast, {.async = GetParam()});
  const auto big =
      to_device(*device, std::vector<float>(64 * 32), {{1, 1, 64, 32}, DataType::FLOAT32, Layout::TILE});
  const BankRoom room = device->take_trace_room(device->memory().capacity() - device->allocated_bytes());
  const TraceId id = begin_trace_capture(*device);
  try {
    silu(big);
    ADD_FAILURE();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("n150: out of memory: 49152 bytes"), std::string::npos)
        << error.what();
    EXPECT_NE(std::string(error.what()).find("held by traces"), std::string::npos) << error.what();
  }
  abandon_trace_capture(*device);
  device->give_back_room(room);
  EXPECT_EQ(silu(big).to_vector(), std::vector<float>(64 * 32, 0.0f));
  EXPECT_THROW(release_trace(*device, id), UserError);
}

TEST_P(Traces, AFailingReplayNamesOpAndPathAndLeavesTheDeviceUsable) {
  const Tensor table = make_.normal({4, 8});
  Tensor ids = make_.ints({3}, {1});
  const TraceId id = begin_trace_capture(*device_);
  Tensor y;
  {
    const ModuleScope scope("layers.4");
    y = embedding(ids, table);
  }
  end_trace_capture(*device_, id);
  copy_to_device(std::vector<std::int32_t>{9}, ids);
  expect_refused("embedding", "id 9 at position 0", [&] { execute_trace(*device_, id); });
  expect_refused("embedding", "(in layers.4)", [&] { execute_trace(*device_, id); });
  copy_to_device(std::vector<std::int32_t>{2}, ids);
  execute_trace(*device_, id);
  EXPECT_EQ(y.to_vector(), embedding(ids, table).to_vector());
  release_trace(*device_, id);
  expect_refused("execute_trace", "released", [&] { execute_trace(*device_, id); });
}

INSTANTIATE_TEST_SUITE_P(Modes, Traces, ::testing::Bool(),
                         [](const auto& mode) { return mode.param ? "asynchronous" : "at_once"; });

}  // namespace
}  // namespace tessera
