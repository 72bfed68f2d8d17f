// A mixture of experts op by op: what the router does and what the experts do are told apart.
#include <gtest/gtest.h>

#include <algorithm>

#include "nn/moe.hpp"
#include "util/rng.hpp"
#include "verify/lockstep.hpp"

namespace tessera::verify {
namespace {

constexpr std::int64_t kHidden = 64, kInner = 96, kExperts = 4, kRows = 24;

std::vector<float> random(std::int64_t n, float deviation, Rng& rng) {
  std::vector<float> values(static_cast<std::size_t>(n));
  for (float& value : values) value = deviation * rng.normal();
  return values;
}

struct Side {
  std::shared_ptr<Device> device;
  nn::Moe moe;
  Tensor x;

  Side(Engine engine, DataType experts) : device(Device::open("cpu", engine)) {
    Rng rng(21);
    const auto matrix = [&](std::int64_t rows, std::int64_t cols, DataType dtype) {
      return to_device(*device, std::span<const float>(random(rows * cols, 0.15f, rng)),
                       {Shape{rows, cols}, dtype, Layout::TILE}, DRAM_WIDTH_SHARDED)
          .set_constant();
    };
    moe.router = {"gate", matrix(kHidden, kExperts, DataType::FLOAT32), {}};
    moe.top_k = 2;
    for (std::int64_t e = 0; e < kExperts; ++e) {
      moe.gate_proj.push_back(matrix(kHidden, kInner, experts));
      moe.up_proj.push_back(matrix(kHidden, kInner, experts));
      moe.down_proj.push_back(matrix(kInner, kHidden, experts));
    }
    x = to_device(*device, std::span<const float>(random(kRows * kHidden, 1.0f, rng)),
                  {Shape{1, 1, kRows, kHidden}, DataType::FLOAT32, Layout::TILE});
  }
};

class MoeLockstep : public ::testing::Test {
 protected:
  std::vector<report::OpResult> check() {
    const Recording recording = record([&] { reference_.moe.forward(reference_.x); });
    return check_ops(recording, [&] { fast_.moe.forward(fast_.x); }, {"test", "prefill", "normal"}, {});
  }
  static std::vector<std::string> failed(const std::vector<report::OpResult>& rows) {
    std::vector<std::string> result;
    for (const auto& row : rows) {
      if (!row.pass) result.push_back(row.path + " " + row.op);
    }
    return result;
  }

  Side reference_{Engine::Ref, DataType::FLOAT32}, fast_{Engine::Fast, DataType::BFLOAT16};
};

TEST_F(MoeLockstep, EveryOpOfAGoodOnePasses) {
  const auto rows = check();
  EXPECT_EQ(failed(rows), std::vector<std::string>{});
  EXPECT_EQ(std::ranges::count(rows, std::string("sparse_matmul"), &report::OpResult::op), 3);
  EXPECT_EQ(std::ranges::count(rows, std::string("topk"), &report::OpResult::op), 1);
}

TEST_F(MoeLockstep, ExpertsInAnotherOrderAreFound) {
  std::swap(fast_.moe.up_proj[0], fast_.moe.up_proj[3]);
  EXPECT_EQ(failed(check()), std::vector<std::string>{"mlp.experts sparse_matmul"});
  std::ranges::rotate(fast_.moe.down_proj, fast_.moe.down_proj.begin() + 1);
  EXPECT_EQ(failed(check()), std::vector<std::string>(2, "mlp.experts sparse_matmul"));
}

TEST_F(MoeLockstep, AWrongRouterIsFoundAndNotItsExperts) {
  fast_.moe.router.weight = to_device(*fast_.device, std::vector<float>(kHidden * kExperts, 0.01f),
                                      fast_.moe.router.weight.spec(), DRAM_WIDTH_SHARDED)
                                .set_constant();
  const auto rows = check();
  EXPECT_EQ(failed(rows), std::vector<std::string>{"mlp.gate linear"});
  // The experts saw other rows than the reference's, which their inputs say.
  EXPECT_LT(std::ranges::find(rows, std::string("sparse_matmul"), &report::OpResult::op)->own_pcc, 0.9);
}

TEST_F(MoeLockstep, AnotherNumberOfExpertsIsNotTheSameModel) {
  fast_.moe.top_k = 3;
  const auto rows = check();
  ASSERT_NE(first_suspect(rows), nullptr);
  EXPECT_EQ(first_suspect(rows)->path + " " + first_suspect(rows)->op, "mlp.router topk");
  EXPECT_NE(first_suspect(rows)->note.find("[1, 1, 24, 3] here"), std::string::npos)
      << first_suspect(rows)->note;
}

}  // namespace
}  // namespace tessera::verify
