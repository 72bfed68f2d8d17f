#include "comm/mesh_device.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "comm/replicas.hpp"

namespace tessera::comm::test {
namespace {

std::shared_ptr<MeshDevice> open(MeshShape shape, std::string_view sheet = "cpu") {
  return MeshDevice::open(shape, sheet, Engine::Fast);
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

TEST(MeshShapes, AreRowsByColumns) {
  EXPECT_EQ(parse_mesh("2x4"), (MeshShape{2, 4}));
  EXPECT_EQ(parse_mesh("8"), (MeshShape{1, 8}));
  EXPECT_EQ(to_string(MeshShape{8, 4}), "8x4");
  for (const char* text : {"", "x", "2x", "0x4", "-1", "2x4x8", "two", "1x99999"})
    EXPECT_THROW(parse_mesh(text), UserError) << text;
}

TEST(MeshDevices, HaveAtMostTheChipsOfTheirSheet) {
  EXPECT_NO_THROW(open({2, 4}, "loudbox"));
  EXPECT_EQ(error_of([] { open({1, 4}, "n300"); }), "mesh 1x4: device n300 has 2 chips: use a larger device");
}

TEST(MeshDevices, EveryChipHasItsOwnMemory) {
  const auto mesh = open({1, 2}, "n300");
  EXPECT_NE(&mesh->device(0), &mesh->device(1));
  EXPECT_EQ(mesh->device(0).memory().capacity(), std::int64_t{12} << 30);
  EXPECT_THROW(mesh->device(2), UserError);
}

TEST(MeshDevices, RowsAndColumnsAreGroups) {
  const auto mesh = open({2, 3});
  std::atomic<int> ran{0};
  mesh->run([&](const Chip& chip) {
    EXPECT_EQ(chip.rank, chip.at.row * 3 + chip.at.col);
    std::int32_t row = chip.rank, column = chip.rank, all = 1;
    chip.row->all_reduce(std::span(&row, 1));
    chip.column->all_reduce(std::span(&column, 1));
    chip.mesh->all_reduce(std::span(&all, 1));
    EXPECT_EQ(row, chip.at.row == 0 ? 3 : 12);
    EXPECT_EQ(column, 2 * chip.at.col + 3);
    EXPECT_EQ(all, 6);
    ++ran;
  });
  EXPECT_EQ(ran, 6);
}

TEST(MeshDevices, TheFirstErrorIsToldWithItsRankAndTheMeshWorksOn) {
  const auto mesh = open({1, 4});
  const std::string error = error_of([&] {
    mesh->run([](const Chip& chip) {
      if (chip.rank == 2) fail_user("no such layer: 7");
      chip.mesh->barrier();
    });
  });
  EXPECT_EQ(error, "rank 2: no such layer: 7");
  std::atomic<int> ran{0};
  mesh->run([&](const Chip& chip) {
    chip.mesh->barrier();
    ++ran;
  });
  EXPECT_EQ(ran, 4);
}

TEST(Submeshes, CutAMeshIntoEqualParts) {
  const auto mesh = open({2, 4});
  const auto parts = mesh->create_submeshes({2, 2});
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(&parts[1]->device(0), &mesh->device(2));
  EXPECT_EQ(&parts[1]->device(3), &mesh->device(7));
  std::atomic<int> sum{0};
  parts[1]->run([&](const Chip& chip) {
    std::int32_t value = chip.rank;
    chip.mesh->all_reduce(std::span(&value, 1));
    sum += value;
  });
  EXPECT_EQ(sum, 4 * 6);
  EXPECT_THROW(mesh->create_submeshes({1, 3}), UserError);
  EXPECT_THROW(mesh->create_submesh({2, 2}, {1, 0}), UserError);
}

TEST(Replicas, TakeRowsFirstThenColumns) {
  EXPECT_EQ(replica_shape({1, 8}, 2), (MeshShape{1, 4}));
  EXPECT_EQ(replica_shape({2, 4}, 2), (MeshShape{1, 4}));
  EXPECT_EQ(replica_shape({2, 4}, 4), (MeshShape{1, 2}));
  EXPECT_EQ(replica_shape({8, 4}, 1), (MeshShape{8, 4}));
  for (const int count : {0, -1, 3, 16}) EXPECT_THROW(replica_shape({2, 4}, count), UserError) << count;
  const auto mesh = open({2, 4});
  mesh->run([&](const Chip& chip) {
    const ReplicaGroup replica = replica_of(chip, mesh->shape(), 4);
    EXPECT_EQ(replica.index, chip.rank / 2);
    EXPECT_EQ(replica.chips->members(), (std::vector<int>{chip.rank / 2 * 2, chip.rank / 2 * 2 + 1}));
  });
}

}  // namespace
}  // namespace tessera::comm::test
