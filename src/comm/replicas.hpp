#pragma once
// Data parallel over a mesh: equal parts, each with a copy of the model that its chips share.
#include <memory>
#include <vector>

#include "comm/mesh_device.hpp"

namespace tessera::comm {

/// The mesh cut into `count` equal parts: by rows as far as they go, then by columns. Throws UserError when
/// it does not divide. 1x8 by 2: 1x4; 2x4 by 2: 1x4; 2x4 by 4: 1x2.
MeshShape replica_shape(const MeshShape& mesh, int count);

/// The part that a chip belongs to.
struct ReplicaGroup {
  int index = 0;                 // of the part
  std::shared_ptr<Group> chips;  // tensor parallel among these
};
ReplicaGroup replica_of(const Chip& chip, const MeshShape& mesh, int count);

}  // namespace tessera::comm
