#include "generate/roofline.hpp"

#include <algorithm>

#include "generate/bench.hpp"
#include "generate_fixture.hpp"
#include "ops/linear/linear.hpp"
#include "util/error.hpp"

namespace tessera::generate::test {
namespace {

using tessera::test::TinyFolder;

TEST(MachinePeaks, AreMeasured) {
  const MachinePeaks peaks = measure_peaks();
  EXPECT_GT(peaks.read_bytes_s, 1e6);
  EXPECT_GT(peaks.fp32_flop_s, 1e6);
  EXPECT_GE(peaks.int16_op_s, 0);
}

TEST(OpClass, TheHigherOfTwoTimesIsTheRoof) {
  const MachinePeaks peaks{.read_bytes_s = 10, .fp32_flop_s = 100, .int16_op_s = 200};
  OpClass op{.name = "linear", .calls = 1, .seconds = 4, .bytes = 20, .operations = 300};
  EXPECT_DOUBLE_EQ(op.fraction(peaks), 0.75);
  EXPECT_FALSE(op.memory_bound(peaks));
  op.integers = true;
  EXPECT_DOUBLE_EQ(op.fraction(peaks), 0.5);
  EXPECT_TRUE(op.memory_bound(peaks));
  // No instruction for integers: the same work, by the other pipe.
  EXPECT_DOUBLE_EQ(op.fraction({.read_bytes_s = 10, .fp32_flop_s = 100}), 0.75);
}

TEST(RooflineObserver, AddsUpByOpAndDtype) {
  const auto device = Device::open("cpu", Engine::Fast);
  const std::vector<float> ones(64 * 96, 1.0f);
  const auto matrix = [&](DataType dtype) {
    return to_device(*device, std::span<const float>(ones), {Shape{64, 96}, dtype, Layout::TILE},
                     DRAM_WIDTH_SHARDED);
  };
  const Tensor x = to_device(*device, std::span<const float>(ones).first(2 * 64),
                             {Shape{1, 1, 2, 64}, DataType::FLOAT32, Layout::TILE});
  const Tensor blocks = matrix(DataType::BFLOAT4_B), floats = matrix(DataType::FLOAT32);
  RooflineObserver observer;
  {
    const ObserverScope scope(observer);
    linear(x, blocks);
    linear(x, blocks);
    linear(x, floats);
  }
  std::vector<OpClass> classes = observer.classes();
  ASSERT_EQ(classes.size(), 2u);
  EXPECT_GE(classes[0].seconds, classes[1].seconds);
  std::ranges::sort(classes, {}, &OpClass::name);
  const double values = 2 * (64 + 96) * 4;
  EXPECT_EQ(classes[0].name, "linear bfloat4_b");
  EXPECT_EQ(classes[0].calls, 2);
  EXPECT_EQ(classes[0].operations, 2 * 2.0 * 2 * 64 * 96);
  EXPECT_EQ(classes[0].bytes, 2 * (static_cast<double>(blocks.bytes().size()) + values));
  EXPECT_TRUE(classes[0].integers);
  EXPECT_EQ(classes[1].bytes, 64 * 96 * 4 + values);
  EXPECT_FALSE(classes[1].integers);
}

class BenchReportTest : public ::testing::Test {
 protected:
  BenchReport run(const BenchOptions& options) {
    ModelChoice choice;
    choice.model = files_.path().string();
    return run_bench(choice, options);
  }
  TinyFolder files_;
};

TEST_F(BenchReportTest, ARooflineSeesEveryOpOfAStep) {
  const BenchReport report = run({.prompt = 20, .gen = 2, .batches = {1, 3}, .repeats = 2, .roofline = true});
  ASSERT_TRUE(report.roofline);
  ASSERT_EQ(report.roofline->steps.size(), 3u);  // a prefill is measured alone
  for (const StepRoofline& step : report.roofline->steps) {
    const auto calls = [&](const std::string& name) {
      const auto found = std::ranges::find(step.classes, name, &OpClass::name);
      return found == step.classes.end() ? 0 : found->calls;
    };
    EXPECT_EQ(step.kind, step.context == 20 ? "prefill" : "decode");
    EXPECT_EQ(calls("linear bfloat8_b"), 3 * 5 + 1) << step.kind;
    EXPECT_EQ(calls("rms_norm"), 3 * 2 + 1);
    for (const OpClass& op : step.classes) {
      EXPECT_GT(op.seconds, 0) << op.name;
      EXPECT_GE(op.bytes, 0) << op.name;
    }
    // Each matrix is read once; what a prompt of 20 tokens needs beside them is less.
    EXPECT_GT(step.bytes(), 100e3);
    EXPECT_LT(step.bytes(), 10e6);
  }
}

TEST_F(BenchReportTest, MeasuresWhatIsAskedFor) {
  const BenchReport decode = run({.prompt = 8, .gen = 2, .batches = {2}, .repeats = 1, .prefill = false});
  ASSERT_EQ(decode.results.size(), 1u);
  EXPECT_EQ(decode.results[0].kind, "decode");
  EXPECT_EQ(decode.ttft_ms, 0);
  const BenchReport prefill = run({.prompt = 8, .gen = 2, .batches = {2}, .repeats = 1, .decode = false});
  ASSERT_EQ(prefill.results.size(), 1u);
  EXPECT_EQ(prefill.results[0].kind, "prefill");
  EXPECT_FALSE(prefill.roofline);
  EXPECT_THROW(run({.prefill = false, .decode = false}), UserError);
}

TEST_F(BenchReportTest, ARooflineIsOfTheFastEngineOnOneChip) {
  ModelChoice choice;
  choice.model = files_.path().string();
  choice.mesh = "1x2";
  EXPECT_THROW(run_bench(choice, {.roofline = true}), UserError);
  choice.mesh.clear();
  choice.engine = "ref";
  EXPECT_THROW(run_bench(choice, {.roofline = true}), UserError);
}

}  // namespace
}  // namespace tessera::generate::test
