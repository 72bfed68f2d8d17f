#pragma once
// Host tensors over the chips of a mesh and back. TT-NN: ttnn.create_mesh_mapper, distribute_tensor, ...
#include <array>
#include <optional>
#include <span>
#include <vector>

#include "comm/mesh_device.hpp"
#include "tensor/host_tensor.hpp"

namespace tessera::comm {

/// What happens along one axis of the mesh: the dimension that is cut among its chips, or nothing: each has
/// all of it.
using Placement = std::optional<int>;

/// Along the rows of the mesh, then along its columns.
struct MeshMapper {
  MeshShape mesh;
  std::array<Placement, 2> placements;
};

MeshMapper replicate_tensor_to_mesh_mapper(const MeshShape& mesh);
/// Cut among all chips, row by row. Negative dimensions count from the end.
MeshMapper shard_tensor_to_mesh_mapper(const MeshShape& mesh, int dim);
/// The same among the chips of one axis (0: rows, 1: columns) only.
MeshMapper shard_tensor_to_mesh_mapper(const MeshShape& mesh, int dim, int axis);

/// The part of a chip. Throws UserError for a dimension that the tensor does not have, or that does not
/// divide.
HostTensor distribute_tensor(const HostTensor& tensor, const MeshMapper& mapper, int rank);
/// Those of all chips, by rank.
std::vector<HostTensor> distribute_tensor(const HostTensor& tensor, const MeshMapper& mapper);

/// The whole again, from the parts of all chips: cut dimensions are joined, of copies the first is taken.
/// Throws UserError for another number of parts, or parts of unequal shapes.
HostTensor aggregate_tensor(std::span<const HostTensor> parts, const MeshMapper& mapper);

/// The parts of all ranks, each of the same shape, on every rank.
std::vector<HostTensor> gather_tensors(const HostTensor& mine, Group& group);

}  // namespace tessera::comm
