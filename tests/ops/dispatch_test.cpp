#include "ops/dispatch.hpp"

#include "op_test_util.hpp"
#include "ops/eltwise/eltwise.hpp"
#include "ops/embedding/embedding.hpp"
#include "ops/kv_cache/kv_cache.hpp"

namespace tessera::test {
namespace {

struct Recorder : OpObserver {
  std::vector<std::string> events;
  void before(const OpEvent& e) override {
    EXPECT_TRUE(e.outputs.empty());
    events.push_back(fmt::format("before {} in {}", e.op.name(), e.path));
  }
  void after(const OpEvent& e) override {
    EXPECT_EQ(e.outputs.size(), 1u);
    EXPECT_GE(e.seconds, 0);
    events.push_back(fmt::format("after {} in {}", e.op.name(), e.path));
  }
};

using Events = std::vector<std::string>;

TEST(Dispatch, ObserversSeeEveryOpOfTheirScope) {
  Maker make(Engine::Ref, DataType::FLOAT32);
  const Tensor x = make.normal({2, 3});
  Recorder outer, inner;
  {
    const ObserverScope outer_scope(outer);
    const ModuleScope layer("layers.3");
    silu(x);
    {
      const ObserverScope inner_scope(inner);
      const ModuleScope mlp("mlp");
      EXPECT_EQ(module_path(), "layers.3.mlp");
      add(x, x);
    }
    {
      const UnobservedScope nobody;
      gelu(x);
    }
    EXPECT_EQ(module_path(), "layers.3");
  }
  silu(x);
  EXPECT_EQ(outer.events, (Events{"before silu in layers.3", "after silu in layers.3",
                                  "before add in layers.3.mlp", "after add in layers.3.mlp"}));
  EXPECT_EQ(inner.events, (Events{"before add in layers.3.mlp", "after add in layers.3.mlp"}));
  EXPECT_EQ(module_path(), "");
}

TEST(Dispatch, ErrorsCarryTheModulePath) {
  Maker make(Engine::Ref, DataType::FLOAT32);
  const Tensor x = make.normal({2, 3}), y = make.normal({3, 2});
  const ModuleScope layer("layers.7"), attention("self_attn");
  expect_refused("add", "(in layers.7.self_attn)", [&] { add(x, y); });
  // An error of the kernel, not of the validation.
  expect_refused("embedding", "(in layers.7.self_attn)", [&] { embedding(make.ints({9}, {1}), x); });
}

TEST(Dispatch, AnErrorLeavesObserversAndPathsUsable) {
  Maker make(Engine::Fast, DataType::FLOAT32);
  const Tensor x = make.normal({2, 3}), y = make.normal({3, 2});
  Recorder recorder;
  const ObserverScope scope(recorder);
  try {
    const ModuleScope module("broken");
    add(x, y);
  } catch (const UserError&) {
  }
  silu(x);
  EXPECT_EQ(recorder.events, (Events{"before silu in ", "after silu in "}));
}

TEST(Dispatch, OneDeviceACall) {
  Maker a(Engine::Ref, DataType::FLOAT32), b(Engine::Ref, DataType::FLOAT32);
  const Tensor x = a.normal({2}), y = b.normal({2});
  expect_refused("add", "two devices", [&] { add(x, y); });
  expect_refused("silu", "no input tensor", [] { silu({}); });
}

TEST(Dispatch, InPlaceOpsSayWhichInput) {
  struct : OpObserver {
    int input = -2;
    bool shares = false;
    void after(const OpEvent& e) override {
      input = e.op.in_place_input();
      shares = e.outputs[0].shares_memory_with(e.inputs[0]);
    }
  } observer;
  Maker make(Engine::Fast, DataType::BFLOAT16);
  const Tensor cache = zeros(make.device(), {{1, 1, 4, 8}, DataType::BFLOAT8_B, Layout::TILE});
  const ObserverScope scope(observer);
  fill_cache(cache, make.normal({1, 1, 2, 8}), 0);
  EXPECT_EQ(observer.input, 0);
  EXPECT_TRUE(observer.shares);
}

TEST(Dispatch, MetaRunsNoArithmetic) {
  Maker make(Engine::Meta, DataType::BFLOAT16);
  Recorder recorder;
  const ObserverScope scope(recorder);
  const Tensor x = make.normal({1, 1, 4, 8});
  const Tensor y = embedding(make.ints({1 << 30}, {1}), make.normal({4, 8}));  // no data, so no range check
  EXPECT_EQ(y.logical_shape(), (Shape{1, 1, 1, 8}));
  EXPECT_EQ(add(x, x).spec(), x.spec());
  EXPECT_EQ(recorder.events.size(), 4u);
  EXPECT_THROW(y.to_vector(), UserError);
}

TEST(Isa, ForcedAndRefused) {
  for_each_isa([] { EXPECT_FALSE(current_isa().empty()); });
  force_isa(available_isas().front());
  EXPECT_EQ(current_isa(), available_isas().front());
  force_isa(available_isas().back());
  EXPECT_THROW(force_isa("altivec"), UserError);
  EXPECT_EQ(current_isa(), available_isas().back());
}

}  // namespace
}  // namespace tessera::test
