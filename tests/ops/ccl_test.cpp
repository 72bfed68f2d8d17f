// all_gather, reduce_scatter and all_reduce as ops on the chips of a mesh.
#include "ops/ccl/ccl.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>

#include "comm/mesh_device.hpp"
#include "device/trace.hpp"
#include "op_test_util.hpp"
#include "ops/ccl/ccl_op.hpp"

namespace tessera::test {
namespace {

struct Case {
  Engine engine;
  DataType dtype;
  int chips;
};

class Ccl : public testing::TestWithParam<Case> {
 protected:
  // x of a chip: [2, 3, 4 * chips], values that bfloat16 holds and that tell chip and place.
  Shape shape() const { return {2, 3, std::int64_t{4} * GetParam().chips}; }
  std::vector<float> values(int rank) const {
    std::vector<float> result(static_cast<std::size_t>(shape().volume()));
    for (std::size_t i = 0; i < result.size(); ++i)
      result[i] = static_cast<float>((static_cast<int>(i) * 7 + rank * 5) % 32 - 16);
    return result;
  }
  std::vector<float> sum() const {
    std::vector<float> result(values(0).size(), 0.f);
    for (int r = 0; r < GetParam().chips; ++r) {
      const auto more = values(r);
      for (std::size_t i = 0; i < result.size(); ++i) result[i] += more[i];
    }
    return result;
  }
  // Element (a, b, c) of dims [d0, d1, d2].
  static float at(const std::vector<float>& v, const Shape& s, std::int64_t a, std::int64_t b,
                  std::int64_t c) {
    return v[static_cast<std::size_t>((a * s[1] + b) * s[2] + c)];
  }
  void on_chips(const std::function<void(const comm::Chip&, const Tensor&)>& body) const {
    const auto mesh = comm::MeshDevice::open({1, GetParam().chips}, "cpu", GetParam().engine);
    mesh->run([&](const comm::Chip& chip) {
      body(chip, to_device(chip.device, values(chip.rank), {shape(), GetParam().dtype, Layout::TILE}));
    });
  }
};

constexpr auto kTopologies = {Topology::Direct, Topology::Linear, Topology::Ring};

TEST_P(Ccl, AllReduceIsTheSum) {
  on_chips([&](const comm::Chip& chip, const Tensor& x) {
    for (const Topology topology : kTopologies)
      EXPECT_EQ(all_reduce(x, chip.mesh, topology).to_vector(), sum()) << to_string(topology);
    EXPECT_EQ(x.to_vector(), values(chip.rank));
  });
}

TEST_P(Ccl, AllGatherJoinsAlongAnyDimension) {
  on_chips([&](const comm::Chip& chip, const Tensor& x) {
    for (const int dim : {0, 1, 2, -1}) {
      const int axis = dim < 0 ? 2 : dim;
      const Tensor all = all_gather(x, dim, chip.mesh);
      for (const Topology topology : kTopologies)
        ASSERT_EQ(all_gather(x, dim, chip.mesh, topology).to_vector(), all.to_vector())
            << to_string(topology);
      const Shape& s = all.logical_shape();
      ASSERT_EQ(s[axis], shape()[axis] * GetParam().chips);
      const auto got = all.to_vector();
      for (std::int64_t a = 0; a < s[0]; ++a) {
        for (std::int64_t b = 0; b < s[1]; ++b) {
          for (std::int64_t c = 0; c < s[2]; ++c) {
            std::int64_t from[3] = {a, b, c};
            const std::int64_t rank = from[axis] / shape()[axis];
            from[axis] %= shape()[axis];
            ASSERT_EQ(at(got, s, a, b, c),
                      at(values(static_cast<int>(rank)), shape(), from[0], from[1], from[2]));
          }
        }
      }
    }
  });
}

TEST_P(Ccl, ReduceScatterLeavesEachItsPart) {
  on_chips([&](const comm::Chip& chip, const Tensor& x) {
    const Tensor part = reduce_scatter(x, -1, chip.mesh);
    for (const Topology topology : kTopologies)
      EXPECT_EQ(reduce_scatter(x, -1, chip.mesh, topology).to_vector(), part.to_vector())
          << to_string(topology);
    ASSERT_EQ(part.logical_shape(), (Shape{2, 3, 4}));
    const auto got = part.to_vector(), all = sum();
    for (std::int64_t a = 0; a < 2; ++a) {
      for (std::int64_t b = 0; b < 3; ++b) {
        for (std::int64_t c = 0; c < 4; ++c)
          EXPECT_EQ(at(got, {2, 3, 4}, a, b, c), at(all, shape(), a, b, chip.rank * 4 + c));
      }
    }
    EXPECT_EQ(all_gather(part, -1, chip.mesh).to_vector(), all_reduce(x, chip.mesh).to_vector());
  });
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  return fmt::format("{}_{}_{}", to_string(info.param.engine),
                     info.param.dtype == DataType::BFLOAT16 ? "bfloat16" : "float32", info.param.chips);
}

INSTANTIATE_TEST_SUITE_P(Engines, Ccl,
                         testing::Values(Case{Engine::Ref, DataType::FLOAT32, 3},
                                         Case{Engine::Fast, DataType::FLOAT32, 2},
                                         Case{Engine::Fast, DataType::BFLOAT16, 4},
                                         Case{Engine::Fast, DataType::BFLOAT16, 8}),
                         case_name);

TEST(CclInATrace, ReplaysTalkToEachOther) {
  const auto mesh = comm::MeshDevice::open({1, 3}, "cpu", Engine::Fast);
  mesh->run([](const comm::Chip& chip) {
    const TensorSpec spec{Shape{1, 32}, DataType::FLOAT32, Layout::TILE};
    Tensor x = to_device(chip.device, std::vector<float>(32, 0.f), spec);
    const TraceId trace = begin_trace_capture(chip.device);
    const Tensor sum = all_reduce(x, chip.mesh);
    end_trace_capture(chip.device, trace);
    for (int step = 1; step <= 20; ++step) {
      copy_to_device(std::vector<float>(32, static_cast<float>(step * (chip.rank + 1))), x);
      execute_trace(chip.device, trace);
      EXPECT_EQ(sum.to_vector(), std::vector<float>(32, static_cast<float>(step * 6)));
    }
    release_trace(chip.device, trace);
  });
}

TEST(CclErrors, SaySo) {
  const auto mesh = comm::MeshDevice::open({1, 2}, "cpu", Engine::Fast);
  mesh->run([](const comm::Chip& chip) {
    const Tensor x =
        to_device(chip.device, std::vector<float>(9), {Shape{3, 3}, DataType::FLOAT32, Layout::TILE});
    EXPECT_THROW(all_gather(x, 2, chip.mesh), UserError);
    EXPECT_THROW(reduce_scatter(x, 0, chip.mesh), UserError);
    EXPECT_THROW(all_reduce(x, nullptr), UserError);
  });
}

// 8 ranks hand 100 bytes to all others: over a line's last link go 7 parts, on a ring 4 go each way.
TEST(CclLinks, TheBusiestLinkOfARingCarriesHalf) {
  EXPECT_EQ(busiest_link_bytes(Topology::Linear, 8, 100), 700);
  EXPECT_EQ(busiest_link_bytes(Topology::Ring, 8, 100), 400);
  EXPECT_EQ(busiest_link_bytes(Topology::Ring, 1, 100), 0);
  const auto card = Device::open("n150", Engine::Meta), machine = Device::open("cpu", Engine::Meta);
  EXPECT_EQ(usual_topology(*card, 8), Topology::Ring);
  EXPECT_EQ(usual_topology(*card, 4), Topology::Linear);
  EXPECT_EQ(usual_topology(*machine, 8), Topology::Direct);
}

}  // namespace
}  // namespace tessera::test
