#include "comm/mesh_mapper.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>

#include "util/error.hpp"

namespace tessera::comm::test {
namespace {

// 0, 1, 2, ... in a tensor [4, 8].
HostTensor counted() {
  std::vector<float> values(32);
  std::iota(values.begin(), values.end(), 0.f);
  return HostTensor::from_vector(std::span<const float>(values),
                                 {Shape{4, 8}, DataType::FLOAT32, Layout::ROW_MAJOR});
}

constexpr MeshShape kMesh{2, 4};

TEST(Mappers, ReplicateGivesEveryChipAllOfIt) {
  const auto parts = distribute_tensor(counted(), replicate_tensor_to_mesh_mapper(kMesh));
  ASSERT_EQ(parts.size(), 8u);
  for (const HostTensor& part : parts) EXPECT_EQ(part.to_vector(), counted().to_vector());
  EXPECT_EQ(aggregate_tensor(parts, replicate_tensor_to_mesh_mapper(kMesh)).to_vector(),
            counted().to_vector());
}

TEST(Mappers, ShardsGoRowByRow) {
  const auto mapper = shard_tensor_to_mesh_mapper(kMesh, -1);
  const auto parts = distribute_tensor(counted(), mapper);
  EXPECT_EQ(parts[5].spec().logical_shape, (Shape{4, 1}));
  EXPECT_EQ(parts[5].to_vector(), (std::vector<float>{5, 13, 21, 29}));
  EXPECT_EQ(aggregate_tensor(parts, mapper).to_vector(), counted().to_vector());
}

TEST(Mappers, TwoAxesCutTwoDimensions) {
  const MeshMapper mapper{kMesh, {0, 1}};
  const auto parts = distribute_tensor(counted(), mapper);
  EXPECT_EQ(parts[6].to_vector(), (std::vector<float>{20, 21, 28, 29}));  // row 1, column 2
  EXPECT_EQ(aggregate_tensor(parts, mapper).to_vector(), counted().to_vector());
  const auto rows = shard_tensor_to_mesh_mapper(kMesh, 0, 0);
  EXPECT_EQ(distribute_tensor(counted(), rows, 3).to_vector(),
            distribute_tensor(counted(), rows, 0).to_vector());
  EXPECT_EQ(aggregate_tensor(distribute_tensor(counted(), rows), rows).to_vector(), counted().to_vector());
}

TEST(Mappers, IntegersStayExact) {
  const std::vector<std::int32_t> ids{1 << 30, -7, 16777217, 3};
  const auto tensor = HostTensor::from_vector(std::span<const std::int32_t>(ids),
                                              {Shape{4, 1}, DataType::INT32, Layout::ROW_MAJOR});
  const auto mapper = shard_tensor_to_mesh_mapper({1, 4}, 0);
  const auto parts = distribute_tensor(tensor, mapper);
  EXPECT_EQ(parts[2].to_int_vector(), (std::vector<std::int32_t>{16777217}));
  EXPECT_EQ(aggregate_tensor(parts, mapper).to_int_vector(), ids);
}

TEST(Mappers, WhatDoesNotFitIsRefused) {
  EXPECT_THROW(distribute_tensor(counted(), shard_tensor_to_mesh_mapper({1, 3}, 0)), UserError);
  EXPECT_THROW(distribute_tensor(counted(), shard_tensor_to_mesh_mapper({1, 2}, 2)), UserError);
  EXPECT_THROW(distribute_tensor(counted(), replicate_tensor_to_mesh_mapper(kMesh), 8), UserError);
  EXPECT_THROW(shard_tensor_to_mesh_mapper(kMesh, 0, 2), UserError);
  const std::vector<HostTensor> one{counted()};
  EXPECT_THROW(aggregate_tensor(one, replicate_tensor_to_mesh_mapper(kMesh)), UserError);
}

TEST(Composers, GatherWhatTheRanksHold) {
  const auto mesh = MeshDevice::open({1, 4}, "cpu", Engine::Fast);
  const auto mapper = shard_tensor_to_mesh_mapper({1, 4}, 0);
  std::atomic<int> equal{0};
  mesh->run([&](const Chip& chip) {
    const auto parts = gather_tensors(distribute_tensor(counted(), mapper, chip.rank), *chip.mesh);
    equal += aggregate_tensor(parts, mapper).to_vector() == counted().to_vector();
  });
  EXPECT_EQ(equal, 4);
}

}  // namespace
}  // namespace tessera::comm::test
