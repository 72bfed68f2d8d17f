#pragma once
// Several chips as one: a device and a thread (or an MPI process) for each, all running the same function.
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "comm/group.hpp"
#include "comm/threads/thread_world.hpp"
#include "device/device.hpp"

namespace tessera::comm {

struct MeshShape {
  int rows = 1, cols = 1;
  int chips() const { return rows * cols; }
  bool operator==(const MeshShape&) const = default;
};

/// "2x4" (rows x columns), or "8" for one row of eight. Throws UserError.
MeshShape parse_mesh(std::string_view text);
std::string to_string(const MeshShape& shape);

struct MeshCoordinate {
  int row = 0, col = 0;
  bool operator==(const MeshCoordinate&) const = default;
};

/// What the function of a rank gets.
struct Chip {
  int rank = 0;  // row by row
  MeshCoordinate at;
  Device& device;
  std::shared_ptr<Group> mesh, row,
      column;  // all chips; those of its row, by column; those of its column, by row
};

class MeshDevice {
 public:
  /// One chip of the sheet for each rank, with a memory account of its own. Chips are threads of this
  /// process. Throws UserError for more chips than the sheet has (the sheet "cpu" has as many as are asked
  /// for).
  static std::shared_ptr<MeshDevice> open(MeshShape shape, std::string_view sheet, Engine engine,
                                          const DeviceOptions& options = {});
  /// This process is one chip; the others are the other ranks of `processes`, which open the same mesh.
  /// Throws UserError unless the shape has as many chips as there are processes.
  static std::shared_ptr<MeshDevice> open(MeshShape shape, std::string_view sheet, Engine engine,
                                          std::shared_ptr<Group> processes,
                                          const DeviceOptions& options = {});

  const MeshShape& shape() const { return shape_; }
  /// The ranks whose devices are in this process: all, or one.
  const std::vector<int>& local_ranks() const { return local_; }
  bool is_local(int rank) const;
  /// Throws UserError for a rank of another process.
  Device& device(int rank) const;
  MeshCoordinate coordinate(int rank) const { return {rank / shape_.cols, rank % shape_.cols}; }

  /// Runs the function once for each chip of this process, all at the same time, and waits. When one fails,
  /// the others end at their next collective; the first error is thrown, with its rank. A thread that does
  /// not come back within the time limit of collectives after another's failure is given up, and the mesh
  /// with it: end the process then.
  void run(const std::function<void(const Chip&)>& function);

  /// Part of the mesh: the same devices, groups of their own. Throws UserError when it does not fit.
  std::shared_ptr<MeshDevice> create_submesh(MeshShape shape, MeshCoordinate offset = {}) const;
  /// The mesh cut into equal parts, row by row: for data parallel.
  std::vector<std::shared_ptr<MeshDevice>> create_submeshes(MeshShape shape) const;

 private:
  explicit MeshDevice(MeshShape shape) : shape_(shape) {}
  Chip chip(int rank) const;
  void run_threads(const std::function<void(const Chip&)>& function);

  MeshShape shape_;
  std::vector<int> local_;
  std::vector<std::shared_ptr<Device>> devices_;  // by rank; null in another process
  std::shared_ptr<ThreadWorld> threads_;          // null: processes
  std::shared_ptr<Group> processes_;              // null: threads
  bool lost_ = false;                             // a thread was given up
};

}  // namespace tessera::comm
